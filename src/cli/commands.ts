/**
 * The commands there are. This table is all that `amarre --help` shows of them, and all that every start
 * reads: what a command does, with the libraries that it needs, is loaded when it is called.
 */
import type { Command } from './command.js';

export interface CommandEntry {
  /** As yargs writes it: `mount <remote> <mountpoint>`. */
  readonly usage: string;
  /** Other names. */
  readonly aliases?: readonly string[];
  readonly describe: string;
  readonly load: () => Promise<Command>;
}

export const commands: readonly CommandEntry[] = [
  {
    usage: 'mount <remote> <mountpoint>',
    describe: 'Mount a remote on a folder',
    load: async () => (await import('./mount.js')).mountCommand,
  },
  {
    usage: 'umount <mountpoint>',
    aliases: ['unmount'],
    describe: 'Wait for uploads, tell how many, then unmount',
    load: async () => (await import('./umount.js')).umountCommand,
  },
  {
    usage: 'status [mountpoint]',
    describe: 'Show mounts: what is not sent yet and how far it has come, errors, caches, requests',
    load: async () => (await import('./status.js')).statusCommand,
  },
  {
    usage: 'refresh <path>',
    describe: 'Forget what is cached of a path and below it: changes made elsewhere show at once',
    load: async () => (await import('./refresh.js')).refreshCommand,
  },
  {
    usage: 'versions <file>',
    describe: 'Show the versions that the platform keeps of a file on a mount, or bring one back',
    load: async () => (await import('./versions.js')).versionsCommand,
  },
  {
    usage: 'trash <path>',
    describe: "Show what lies in the platform's trash, take something out of it, or empty it",
    load: async () => (await import('./trash.js')).trashCommand,
  },
  {
    usage: 'link <path>',
    describe: 'Make an address under which others can download a file or folder of a mount',
    load: async () => (await import('./link.js')).linkCommand,
  },
  {
    usage: 'deposit-link <path>',
    describe: 'Make an address under which others can put files into a folder of a mount',
    load: async () => (await import('./link.js')).depositLinkCommand,
  },
  {
    usage: 'history <file>',
    describe: 'Show what happened to a file on a mount, as the platform tells it',
    load: async () => (await import('./history.js')).historyCommand,
  },
  {
    usage: 'ocr <file>',
    describe: 'Have the text of a scanned document on a mount recognized, and wait until it stands beside it',
    load: async () => (await import('./ocr.js')).ocrCommand,
  },
  {
    usage: 'sign-in <remote>',
    describe: 'Sign a person in with a browser, once, for the mounts to come (NetExplorer)',
    load: async () => (await import('./sign-in.js')).signInCommand,
  },
  {
    usage: 'doctor [remote]',
    describe: 'Check what a mount needs here, and with a remote the way to it and the account, each with the remedy',
    load: async () => (await import('./doctor.js')).doctorCommand,
  },
  {
    usage: 'emulate <platform>',
    describe: 'Serve an emulated platform until SIGTERM or Ctrl-C; prints one line of JSON that says how to mount it',
    load: async () => (await import('./emulate.js')).emulateCommand,
  },
  {
    usage: 'demo [mountpoint]',
    describe: 'Mount an emulated server with sample files, to try things out',
    load: async () => (await import('./demo.js')).demoCommand,
  },
];
