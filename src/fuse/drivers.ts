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
  /** An open file is removed, or renamed over, in one step and out of sight. Where not, it lies aside on the platform until it is closed. */
  readonly removesOpenFiles: boolean;
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
    copyRange: true,
    fallocate: true,
    seeksData: true,
    largestRead: 1024 * 1024,
    largestWrite: 1024 * 1024,
    inodeBits: 64,
    listsAttributes: true,
    removesOpenFiles: true,
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
    removesOpenFiles: false,
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
    copyRange: true,
    fallocate: true,
    seeksData: true,
    largestRead: 1024 * 1024,
    largestWrite: 1024 * 1024,
    inodeBits: 0,
    listsAttributes: false,
    removesOpenFiles: false,
    readsPastPages: true,
    keepsPages: true,
    notifiesKernel: false,
    seesForeignNames: false,
  },
};

interface CapabilityText {
  /** What is asked, as the page says it. */
  readonly asks: string;
  /** What it means for whoever uses the drive, where a driver cannot. */
  readonly otherwise: string;
}

/** What stands in native-notes/drivers.md of each. */
export const capabilityTexts: Readonly<Record<keyof Capabilities, CapabilityText>> = {
  setsTimesSingly: { asks: 'sets one time without the other', otherwise: '`touch -m`, `touch -a` and the times of `tar x` change nothing, and say that all went well' },
  timesBefore1970: { asks: 'times before 1970', otherwise: 'are shown as 1970' },
  timeStep: { asks: 'finest step of a time, ns', otherwise: 'finer times are cut' },
  knowsCaller: { asks: 'knows who asks', otherwise: 'new files belong to the drive\'s owner at once' },
  interrupts: { asks: 'is told of interrupts', otherwise: 'Ctrl-C is heard when the platform has answered, at the latest after `--stall-timeout`; a plain read ends at once all the same' },
  renameNoReplace: { asks: 'RENAME_NOREPLACE', otherwise: 'EINVAL, and `mv -n` looks by itself' },
  knowsCreateFlags: { asks: 'knows the flags of a creating open', otherwise: 'a file that came on the platform since its folder was listed is EEXIST when it is to be created, once; nothing of it is lost' },
  copyRange: { asks: 'copies on the server', otherwise: '`cp` reads and writes' },
  fallocate: { asks: 'fallocate', otherwise: 'EOPNOTSUPP; `posix_fallocate` writes zeros' },
  seeksData: { asks: 'SEEK_DATA, SEEK_HOLE', otherwise: 'the kernel answers the same by itself' },
  largestRead: { asks: 'largest read, bytes', otherwise: '' },
  largestWrite: { asks: 'largest write, bytes', otherwise: '' },
  inodeBits: { asks: 'bits of the platform\'s number in `st_ino`', otherwise: '32: two files of a large drive may clash, and one then gets another number at another mount; 0: numbers are libfuse\'s own and others at every mount, so that `tar --listed-incremental`, restic and borg read all files again' },
  listsAttributes: { asks: 'lists attributes with names', otherwise: '`ls -l` asks once an entry, from memory' },
  removesOpenFiles: { asks: 'removes an open file out of sight', otherwise: 'it lies on the platform as `.fuse_hidden…` beside where it was until it is closed, sent first if it was unsent; the mount does not list it, but `rmdir` of its folder is ENOTEMPTY. A rename over an open file takes two steps; where the second fails the name is given back' },
  readsPastPages: { asks: 'reads past the kernel\'s pages', otherwise: 'while a program reads an older version, opening the newer one is EBUSY; of a file that is replaced again and again while many read it, on a busy machine, a reader may get two versions' },
  keepsPages: { asks: 'keeps pages from one open to the next', otherwise: 'each open reads the file anew, most of it from the platform' },
  notifiesKernel: { asks: 'tells the kernel of changes', otherwise: 'the kernel believes no size and no time: each `stat` asks Amarre' },
  seesForeignNames: { asks: 'tells names that are not UTF-8', otherwise: 'names that hold U+FFFD are refused with EILSEQ, too' },
};

/** The rows of the page's table: what is asked, each driver's answer, and what its lack means. */
export function capabilityRows(): readonly (readonly string[])[] {
  const shown = (value: boolean | number): string => (typeof value === 'number' ? String(value) : value ? 'yes' : 'no');
  const names = Object.keys(capabilityTexts).filter((name): name is keyof Capabilities => name in capabilityTexts);
  return names.map((name) => [capabilityTexts[name].asks, ...driverNames.map((driver) => shown(capabilities[driver][name])), capabilityTexts[name].otherwise]);
}
