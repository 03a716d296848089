/**
 * The drivers, and what each can do: one table, for the page native-notes/drivers.md, for the options, and
 * for the mounted tests, which run on every driver and assert what the table says where a driver cannot.
 */

/** `kernel` speaks the protocol itself; the two others are packages that call libfuse, by paths. */
export const driverNames = ['kernel', 'fuse-native', 'fuse-napi'] as const;
export type DriverName = (typeof driverNames)[number];

export const driverChoices = ['auto', ...driverNames] as const;
export type DriverChoice = (typeof driverChoices)[number];

/** The driver that a choice means on a system: its platform and processor in Node's words. */
export function chooseDriver(choice: DriverChoice, platform: string, processor: string): DriverName {
  if (choice !== 'auto') return choice;
  if (platform !== 'darwin') return 'kernel';
  return processor === 'arm64' ? 'fuse-napi' : 'fuse-native';
}

/** What a driver can. A test asks here which of two behaviours is the documented one. */
export interface Capabilities {
  /** One time can be set without the other: `touch -m`, tar. */
  readonly setsTimesSingly: boolean;
  /** Times before 1970 can be set and shown. */
  readonly timesBefore1970: boolean;
  /** The finest step of a time that a program sets, in nanoseconds. */
  readonly timeStep: number;
  /** New files belong to the program's user, and a closing program's reads are told from others'. */
  readonly knowsCaller: boolean;
  /** An operation that a signal interrupts ends with EINTR at once. */
  readonly interrupts: boolean;
  /** renameat2(2) with RENAME_NOREPLACE. */
  readonly renameNoReplace: boolean;
  /** A creating open tells its flags. Where not, a file that came since its folder was listed is EEXIST, once, whatever was asked. */
  readonly knowsCreateFlags: boolean;
  /** copy_file_range(2) reaches the file system. */
  readonly copyRange: boolean;
  /** fallocate(2), in its plain mode. */
  readonly fallocate: boolean;
  /** SEEK_DATA and SEEK_HOLE reach the file system; the kernel answers the same by itself where they do not. */
  readonly seeksData: boolean;
  /** Bytes of the largest read and the largest write. */
  readonly largestRead: number;
  readonly largestWrite: number;
  /** Bits of the platform's number in `st_ino`; 0: libfuse's own number, another at every mount. */
  readonly inodeBits: 64 | 32 | 0;
  /** A folder's entries come with their attributes: `ls -l` asks for no entry singly. */
  readonly listsAttributes: boolean;
  /** A file that was removed, or renamed over, can still be used by whoever has it open. */
  readonly usesRemovedFiles: boolean;
  /** An open file can be read past the kernel's pages, where these hold another version. */
  readonly readsPastPages: boolean;
  /** Pages stay in the kernel from one open to the next, where the file has not changed. */
  readonly keepsPages: boolean;
  /** The kernel is told what changed elsewhere; where it cannot be, it believes no size or time for longer than a call. */
  readonly notifiesKernel: boolean;
  /** Names that are not UTF-8 are told from others. EILSEQ either way; where not, also for names with U+FFFD. */
  readonly seesForeignNames: boolean;
}

export const capabilities: Readonly<Record<DriverName, Capabilities>> = {
  kernel: {
    setsTimesSingly: true,
    timesBefore1970: true,
    timeStep: 1000,
    knowsCaller: true,
    interrupts: true,
    renameNoReplace: true,
    knowsCreateFlags: true,
    copyRange: false,
    fallocate: true,
    seeksData: true,
    largestRead: 1024 * 1024,
    largestWrite: 1024 * 1024,
    inodeBits: 64,
    listsAttributes: true,
    usesRemovedFiles: true,
    readsPastPages: true,
    keepsPages: true,
    notifiesKernel: true,
    seesForeignNames: true,
  },
  'fuse-native': {
    setsTimesSingly: false,
    timesBefore1970: false,
    timeStep: 1_000_000,
    knowsCaller: false,
    interrupts: false,
    renameNoReplace: false,
    knowsCreateFlags: false,
    copyRange: false,
    fallocate: false,
    seeksData: false,
    largestRead: 128 * 1024,
    largestWrite: 128 * 1024,
    inodeBits: 32,
    listsAttributes: false,
    usesRemovedFiles: false,
    readsPastPages: false,
    keepsPages: false,
    notifiesKernel: false,
    seesForeignNames: false,
  },
  'fuse-napi': {
    setsTimesSingly: true,
    timesBefore1970: true,
    timeStep: 1000,
    knowsCaller: true,
    interrupts: false,
    renameNoReplace: true,
    knowsCreateFlags: true,
    copyRange: false,
    fallocate: true,
    seeksData: true,
    largestRead: 128 * 1024,
    largestWrite: 128 * 1024,
    inodeBits: 0,
    listsAttributes: false,
    usesRemovedFiles: true,
    readsPastPages: true,
    keepsPages: true,
    notifiesKernel: false,
    seesForeignNames: false,
  },
};
