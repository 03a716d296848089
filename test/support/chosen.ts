/**
 * The platform that this run of the tools' tests is about (`AMARRE_TEST_PLATFORM`; SFTPGo where it is not set), and
 * what its requests are for: tests of tools count by purpose, since each platform has names of its own for requests.
 */
import { test } from 'vitest';
import type { EmulatorControl } from '../../src/emulators/emulator.js';
import { useDriveOn, type Drive, type MountOptions, type Place } from './drive.js';
import { leftOut, platformName } from './left-out.js';
import { netexplorer, sftpgo, type Platform } from './platforms.js';

export { platformName };

/** `asking`: nothing changes, and no content moves. */
type Purpose = 'asking' | 'reading' | 'writing' | 'changing';

interface Chosen {
  readonly platform: () => Platform<EmulatorControl>;
  /** By the names that the emulator counts by; every other changes something. */
  readonly purposes: Readonly<Partial<Record<Purpose, readonly string[]>>>;
  /** Where the test's folder is in the emulator's paths. */
  readonly top: string;
  /** It takes a time for what is there already; else this side keeps it. */
  readonly setsTimes: boolean;
  /** It tells a whole tree in one answer, so that the fourth folder of a walk is the last that is asked for. */
  readonly tellsTrees: boolean;
  /** The routes by which what is opened for writing is locked. */
  readonly locks: readonly string[];
  /** How many uploads a file costs that is written beside another and takes its place. */
  readonly uploadsToReplace: number;
  /** How many times as long a file takes as on the quickest: counts of many files are divided by it. */
  readonly slowness: number;
}

export const chosen: Chosen = {
  sftpgo: {
    platform: sftpgo,
    purposes: { asking: ['list', 'head', 'token'], reading: ['get', 'streamzip'], writing: ['upload', 'form', 'multipart'] },
    top: '', setsTimes: true, tellsTrees: false, locks: [], uploadsToReplace: 1, slowness: 1,
  },
  netexplorer: {
    platform: netexplorer,
    purposes: {
      asking: ['folder', 'root-folders', 'roots', 'file', 'versions', 'infos', 'quotas', 'account', 'public-config', 'sign-in', 'sign-out'],
      reading: ['download'],
      writing: ['upload', 'replace'],
    },
    // A file that takes another's place is sent once more, as a version of that one.
    top: '/Commun', setsTimes: false, tellsTrees: true, locks: ['take-lock', 'release-lock'], uploadsToReplace: 2, slowness: 5,
  },
}[platformName];

function purposeOf(route: string): Purpose {
  const known = (['asking', 'reading', 'writing'] as const).find((purpose) => chosen.purposes[purpose]?.includes(route));
  return known ?? 'changing';
}

export interface ToolsDrive extends Drive<EmulatorControl> {
  /** How many requests came since the counts were reset, those purposes alone that had any. */
  byPurpose(): Promise<Partial<Record<Purpose, number>>>;
  /** How many of this purpose. */
  requests(purpose: Purpose): Promise<number>;
  /** The routes of requests since then that did more than ask. */
  work(): Promise<readonly string[]>;
  /** What was read since then: a path below the test's root, and bytes. */
  reads(): Promise<readonly { readonly path: string; readonly bytes: number }[]>;
}

/** A drive on that platform. Call once in a test file. */
export function useToolsDrive(options: MountOptions = {}): ToolsDrive {
  const drive = useDriveOn(chosen.platform(), options);
  const counts = async (): Promise<(readonly [string, number])[]> => Object.entries((await drive.control.state()).counts);
  const byPurpose = async (): Promise<Partial<Record<Purpose, number>>> => {
    const found: Partial<Record<Purpose, number>> = {};
    for (const [route, count] of await counts()) found[purposeOf(route)] = (found[purposeOf(route)] ?? 0) + count;
    return found;
  };
  return {
    get mountpoint() { return drive.mountpoint; },
    get root() { return drive.root; },
    get control() { return drive.control; },
    place: (name) => drive.place(name),
    remount: (...more) => drive.remount(...more),
    remountAnew: (...more) => drive.remountAnew(...more),
    byPurpose,
    requests: async (purpose) => (await byPurpose())[purpose] ?? 0,
    work: async () => (await counts()).map(([route]) => route).filter((route) => purposeOf(route) !== 'asking'),
    reads: async () => (await drive.control.log()).filter(({ route }) => purposeOf(route) === 'reading')
      .map(({ path = '?', responseBytes }) => ({ path: path.slice(chosen.top.length), bytes: responseBytes })),
  };
}

/** A folder in which set times show: the server's, or the one on the mount where this side keeps them. */
export function dated(place: Place): string {
  return chosen.setsTimes ? place.server : place.mount;
}

/** A test that the table may leave out. */
export function testUnlessLeftOut(title: string, body: () => Promise<void>): void {
  if (leftOut[platformName].tests[title] === undefined) test(title, body);
}

/** Those of the cases that are run; `nameOf` says what the table calls one. */
export function chosenCases<Case>(title: string, cases: readonly Case[], nameOf: (one: Case) => string): Case[] {
  const { run } = leftOut[platformName].cases[title] ?? {};
  const here = cases.filter((one) => run === undefined || run.includes(nameOf(one)));
  if (run !== undefined && here.length !== run.length) throw new Error(`the table names cases of "${title}" that are not there`);
  return here;
}
