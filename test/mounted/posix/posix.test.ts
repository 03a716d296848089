/**
 * Each call as POSIX has it, on a drive and on a local folder: what comes of it, and what it changes, must be the same,
 * but for the list of differences, which is the one that native-notes/semantics.md shows.
 */
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useHarbour, type Harbour } from '../../support/amarre-mounts.js';
import { can } from '../../support/driver.js';
import type { Case } from './case.js';
import { anew } from './cases/anew.js';
import { attributes } from './cases/attributes.js';
import { names } from './cases/names.js';
import { opening } from './cases/opening.js';
import { readOnly } from './cases/read-only.js';
import { differences, lacking } from './differences.js';
import { prepareCases, runCases, type Outcome } from './run.js';

interface Suite {
  readonly what: string;
  readonly cases: readonly Case[];
  /** Words for `amarre mount`. */
  readonly options: readonly string[];
  readonly readOnly: boolean;
}

/** A long time-out: what is shown is what this mount did, whenever the case is run. */
const settled = ['--dir-ttl', '1h'];
const suites: readonly Suite[] = [
  { what: 'opening, reading and writing', cases: opening, options: settled, readOnly: false },
  { what: 'names', cases: names, options: settled, readOnly: false },
  { what: 'attributes', cases: attributes, options: settled, readOnly: false },
  { what: 'changes, when the platform is asked anew', cases: anew, options: ['--dir-ttl', '0', '--attr-ttl', '0'], readOnly: false },
  { what: 'a read-only mount', cases: readOnly, options: ['--read-only', ...settled], readOnly: true },
];

/** The outcomes here that the list of differences names, by case. */
const listed = new Map(differences.flatMap(({ cases }) => Object.entries(cases)));
/** And those of the driver that is tested. */
const ofDriver = new Map(lacking.filter(({ capability }) => can[capability] === false).flatMap(({ cases }) => Object.entries(cases)));

/** A folder on another file system than the drive's and the local folder's. */
let outside = '';
beforeAll(async () => {
  outside = await mkdtemp('/dev/shm/amarre-posix-');
});
afterAll(async () => {
  await rm(outside, { recursive: true });
});

const make = useHarbour(afterAll);

async function local({ cases, readOnly: fixed }: Suite, folder: string): Promise<ReadonlyMap<string, Outcome>> {
  await mkdir(folder);
  await prepareCases(cases, folder);
  // In a namespace of its own, with which the mount goes.
  const enter = ['unshare', '-m', '--propagation', 'private', 'sh', '-c', 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"', folder];
  return runCases(cases, folder, outside, fixed ? enter : []);
}

async function mounted({ cases, options }: Suite, drive: Harbour): Promise<ReadonlyMap<string, Outcome>> {
  await mkdir(join(drive.root, 'cases'));
  await prepareCases(cases, join(drive.root, 'cases'));
  await drive.daemon('-o', 'allow_other', ...options);
  try {
    return await runCases(cases, join(drive.mountpoint, 'cases'), outside);
  } finally {
    await drive.umount('--cache-dir', drive.state);
  }
}

describe.each(suites)('$what', (suite) => {
  let there: ReadonlyMap<string, Outcome> = new Map();
  let here: ReadonlyMap<string, Outcome> = new Map();
  beforeAll(async () => {
    const drive = await make();
    // Another user has to get to both folders.
    await chmod(drive.folder, 0o711);
    there = await local(suite, join(drive.folder, 'local'));
    here = await mounted(suite, drive);
  }, 240_000);

  test.each(suite.cases.map((one) => [one.name, one] as const))('%s', (name, { expect: expected }) => {
    expect(there.get(name)?.results).toBe(expected);
    expect(here.get(name)).toEqual(ofDriver.get(name) ?? listed.get(name) ?? there.get(name));
    // A difference that there is no more leaves the list.
    expect(listed.get(name)).not.toEqual(there.get(name));
  });
});

describe('the list of differences', () => {
  test('speaks of cases that there are, and of each once', () => {
    const known = suites.flatMap(({ cases }) => cases.map(({ name }) => name));
    expect(known.length).toBe(new Set(known).size);
    const different = differences.flatMap(({ cases }) => Object.keys(cases));
    expect(different.length).toBe(new Set(different).size);
    expect([...different, ...ofDriver.keys()].filter((name) => !known.includes(name))).toEqual([]);
    expect(differences.filter(({ cases }) => Object.keys(cases).length === 0)).toEqual([]);
  });

  test('is the one of native-notes/semantics.md, row by row', async () => {
    const text = await readFile(new URL('../../../native-notes/semantics.md', import.meta.url), 'utf8');
    const [, section = ''] = /## Where it is not a local folder\n([\s\S]*?)\n## /.exec(text) ?? [];
    const rows = section.split('\n').filter((line) => line.startsWith('|')).slice(2);
    expect(rows).toEqual(differences.map(({ calls, local: at, here: on, reason }) => `| ${calls} | ${at} | ${on} | ${reason} |`));
  });
});
