/**
 * Every change, cut off between any two of its requests: by an answer that is lost, by a connection that breaks
 * once, and by one that stays broken until another mount comes. Nothing is lost, no half is shown, nothing is
 * counted twice, and the same again completes it (Arrhes' page: errors; DELETE; finalize).
 */
import { describe, expect, it } from 'vitest';
import type { Provider } from '../../../src/providers/provider.js';
import { isHiddenName } from '../../../src/providers/hidden-names.js';
import { contentOf, listAll, never, someTime, soon } from '../subject.js';
import { startSubject, type ArrhesSubject } from './subject.js';

type Shown = Readonly<Record<string, string>>;

interface Operation {
  readonly before: Shown;
  readonly after: Shown;
  /** What may be shown besides when it is cut off for good. */
  readonly between?: readonly Shown[];
  run(provider: Provider): Promise<unknown>;
  /** Bytes that it adds to what is counted as used; less than nothing: what a deletion gives back. */
  readonly counted: number;
  /** How the same again may end where it was done after all. */
  readonly again?: string;
}

const write = (path: string, text: string) => (provider: Provider) => provider.write({ path }, contentOf(Buffer.from(text)), { modified: someTime }, never);
const old = '/d/old.pdf';

const operations: Readonly<Record<string, Operation>> = {
  'a new document': { before: { '/d/': '' }, after: { '/d/': '', '/d/new.pdf': 'new content' }, run: write('/d/new.pdf', 'new content'), counted: 11 },
  'a new content': { before: { [old]: 'old' }, after: { [old]: 'newer content' }, run: write(old, 'newer content'), counted: 13 },
  'a document in another\'s place': {
    before: { [old]: 'old', '/d/.tmp': 'newer content' }, after: { [old]: 'newer content' }, between: [{ [old]: 'newer content', '/d/.tmp': 'newer content' }],
    run: (provider) => provider.move({ path: '/d/.tmp' }, { path: old }, { replace: true }, never), counted: 13, again: 'ENOENT',
  },
  'another name and folder': {
    before: { [old]: 'old', '/e/': '' }, after: { '/e/new.pdf': 'old', '/e/': '' },
    run: (provider) => provider.move({ path: old }, { path: '/e/new.pdf' }, { replace: false }, never), counted: 0, again: 'ENOENT',
  },
  'a deletion': {
    before: { [old]: 'old' }, after: {}, between: [{ [old]: 'no content' }],
    run: (provider) => provider.removeFile({ path: old }, never), counted: -3, again: 'ENOENT',
  },
  'a new folder': {
    before: { '/d/': '' }, after: { '/d/': '', '/d/e/': '' }, run: (provider) => provider.createFolder({ path: '/d/e' }, never), counted: 0, again: 'EEXIST',
  },
};

/** Retries end soon where nothing helps. */
const impatient = { stallTimeout: 700, serverTimeout: 1_000 };

async function prepared(operation: Operation): Promise<ArrhesSubject> {
  const subject = await startSubject({ settings: impatient });
  for (const [path, text] of Object.entries(operation.before)) {
    if (path.endsWith('/')) await subject.backstage.putFolder(path.slice(0, -1));
    else await subject.backstage.put(path, Buffer.from(text), someTime);
  }
  if (operation.before[old] !== undefined) {
    await subject.backstage.ask('PATCH', `files/${(await subject.backstage.file(old)).id}`, { reference: 'R-1', date: '2026-03-31' });
  }
  await subject.provider.connect(never);
  return subject;
}

/** What everybody sees, of the folders those alone that the operation is about. */
async function shown({ backstage }: ArrhesSubject, { before, after }: Operation): Promise<Shown> {
  const found: Record<string, string> = {};
  for (const path of await backstage.tree()) {
    if (isHiddenName(path.slice(path.lastIndexOf('/') + 1))) continue;
    if (!path.endsWith('/')) found[path] = await backstage.get(path).then((bytes) => bytes?.toString() ?? '', () => 'no content');
    else if (path in before || path in after) found[path] = '';
  }
  return found;
}

const sorted = (tree: Shown): string => JSON.stringify(Object.entries(tree).sort());

async function used({ emulator }: ArrhesSubject): Promise<number> {
  return (await emulator.control.content()).storageUsed;
}

async function hidden({ backstage }: ArrhesSubject): Promise<readonly string[]> {
  return (await backstage.tree()).filter((path) => isHiddenName(path.slice(path.lastIndexOf('/') + 1)));
}

/** How many requests it takes when all is well. */
async function countOf(operation: Operation): Promise<number> {
  const subject = await prepared(operation);
  await subject.emulator.control.resetCounts();
  await operation.run(subject.provider);
  const { total } = await subject.emulator.control.state();
  expect(sorted(await shown(subject, operation))).toBe(sorted(operation.after));
  await subject.close();
  return total;
}

/** Runs a trial for each request, side by side: each on a server of its own. */
async function atEvery(operation: Operation, trial: (subject: ArrhesSubject, at: number) => Promise<void>): Promise<void> {
  const count = await countOf(operation);
  expect(count).toBeGreaterThan(0);
  await Promise.all(Array.from({ length: count }, async (_, at) => {
    const subject = await prepared(operation);
    try {
      await trial(subject, at);
    } catch (thrown) {
      throw new Error(`cut off at request ${at + 1} of ${count}: ${thrown instanceof Error ? thrown.message : String(thrown)}`, { cause: thrown });
    } finally {
      await subject.close();
    }
  }));
}

async function keptRow({ emulator }: ArrhesSubject, id: string | undefined): Promise<void> {
  if (id === undefined) return;
  const row = (await emulator.control.content()).files.find((one) => one['id'] === id);
  if (row !== undefined) expect(row).toMatchObject({ reference: 'R-1', date: '2026-03-31 00:00:00+00' });
}

describe.each(Object.entries(operations))('%s', (_name, operation) => {
  it.each(['loseAnswer', 'close'] as const)('goes well where a request ends once in %s, and is counted once', async (kind) => {
    await atEvery(operation, async (subject, at) => {
      const { emulator: { control }, provider } = subject;
      const before = await used(subject);
      await control.addRule({ skip: at, action: { kind } });
      await operation.run(provider);
      await control.removeRules();
      expect(sorted(await shown(subject, operation))).toBe(sorted(operation.after));
      await expect.poll(() => hidden(subject), soon).toEqual([]);
      const gone = operation.again === 'ENOENT' && operation.counted > 0 ? operation.counted : 0;
      expect(await used(subject) - before).toBe(operation.counted - gone);
    });
  });

  it('loses nothing where all breaks from some request on, and the next mount completes it', async () => {
    await atEvery(operation, async (subject, at) => {
      const { emulator: { control }, provider, another, backstage } = subject;
      const target = operation.before[old] === undefined ? undefined : (await backstage.file(old)).id;
      await control.addRule({ skip: at, times: 0, action: { kind: 'close' } });
      const error: unknown = await operation.run(provider).then(() => undefined, (thrown: unknown) => thrown);
      expect(error === undefined || (error instanceof Error && 'errno' in error && error.errno === 'EIO')).toBe(true);
      await provider.close();
      await control.removeRules();
      const now = sorted(await shown(subject, operation));
      expect([operation.before, ...operation.between ?? [], operation.after].map(sorted)).toContain(now);
      await keptRow(subject, target);
      const next = another({ settings: { ...impatient, instances: { own: 'nextinstance', isDead: () => true } } });
      await next.connect(never);
      await operation.run(next).catch((thrown: unknown) => {
        expect(thrown).toMatchObject({ errno: operation.again });
        expect(now).toBe(sorted(operation.after));
      });
      await listAll(next, '/');
      expect(sorted(await shown(subject, operation))).toBe(sorted(operation.after));
      await expect.poll(() => hidden(subject), soon).toEqual([]);
      await keptRow(subject, target);
    });
  });
});
