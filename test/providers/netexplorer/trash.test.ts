/** The trash as a service: what was deleted, put back, and destroyed where it is the account's own. */
import { afterEach, expect, test } from 'vitest';
import type { NetexplorerOptions } from '../../../src/emulators/start.js';
import type { Provider } from '../../../src/providers/provider.js';
import type { Trash } from '../../../src/providers/services.js';
import { contentOf, never, readAll, someTime } from '../subject.js';
import { startSubject, type NetexplorerSubject } from './subject.js';

let subject: NetexplorerSubject | undefined;
afterEach(async () => {
  await subject?.close();
  subject = undefined;
});

async function start(emulator: NetexplorerOptions = {}): Promise<NetexplorerSubject & { readonly trash: Trash }> {
  const started = await startSubject({ emulator });
  subject = started;
  await started.provider.connect(never);
  return { ...started, trash: trashOf(started.provider) };
}

function trashOf({ services }: Provider): Trash {
  if (services?.trash === undefined) throw new Error('there is no trash');
  return services.trash;
}

async function throwAway(provider: Provider, path: string, text = 'bytes'): Promise<void> {
  await provider.write({ path }, contentOf(Buffer.from(text)), { modified: someTime }, never);
  await provider.removeFile({ path }, never);
}

test.each<[string, NetexplorerOptions]>([
  ['a platform that behaves', {}],
  ['a parent with a comma', { surprises: { commaParent: true } }],
  ['ids as strings', { surprises: { idsAsStrings: true } }],
  ['fields left out, names under another name', { surprises: { sparse: true, nameField: 'nom' } }],
])('a file and a folder are put back where they are wanted: %s', async (_what, emulator) => {
  const { provider, trash } = await start(emulator);
  await provider.createFolder({ path: '/to' }, never);
  await provider.createFolder({ path: '/empty' }, never);
  await throwAway(provider, '/file.txt');
  await provider.removeFolder({ path: '/empty' }, never);
  const things = await trash.list(never);
  expect(things.map(({ name, kind }) => [name, kind]).toSorted()).toEqual([['empty', 'folder'], ['file.txt', 'file']]);
  for (const { id, name, kind, deleted } of things) {
    expect(Math.abs(deleted - Date.now())).toBeLessThan(60_000);
    expect(await trash.restore(id, { path: '/to' }, never)).toMatchObject({ name, kind });
  }
  expect((await readAll(provider, '/to/file.txt')).bytes.toString()).toBe('bytes');
  expect(await provider.stat({ path: '/to/empty' }, never)).toMatchObject({ kind: 'folder' });
  expect(await trash.list(never)).toEqual([]);
});

test.each(['403', '409', 'renamed'] as const)('a name that is taken is EEXIST, and both stay as they are (%s)', async (nameExists) => {
  const { provider, trash, emulator } = await start({ surprises: { nameExists } });
  await throwAway(provider, '/file.txt', 'old');
  await provider.write({ path: '/file.txt' }, contentOf(Buffer.from('new')), { modified: someTime }, never);
  const [thing] = await trash.list(never);
  await expect(trash.restore(thing?.id ?? '', { path: '/' }, never)).rejects.toMatchObject({ errno: 'EEXIST' });
  expect((await readAll(provider, '/file.txt')).bytes.toString()).toBe('new');
  expect(await trash.list(never)).toEqual([thing]);
  expect(Object.keys(await emulator.control.objects()).filter((path) => path.includes('file'))).toEqual(['/Commun/file.txt']);
});

test('what is not there, or not there any more, is ENOENT', async () => {
  const { trash, provider } = await start();
  await throwAway(provider, '/file.txt');
  const [thing] = await trash.list(never);
  await expect(trash.restore('999', { path: '/' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
  await expect(trash.restore(thing?.id ?? '', { path: '/nosuch' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
  await expect(trash.restore('../folder/1', { path: '/' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
});

test('emptying destroys the own things one by one, and nothing of another user, even where the platform lists it', async () => {
  const { trash, provider, another, emulator } = await start();
  const marie = another({ user: 'marie' });
  await marie.connect(never);
  await throwAway(provider, '/mine.txt');
  await throwAway(marie, '/hers.txt');
  const [mine] = await trash.list(never);
  const [hers] = await trashOf(marie).list(never);
  const entry = (id: string | undefined, owner: number | undefined) => ({ id: Number(id), name: 'x', is_file: true, deletion: '2026-11-22T10:00:00+0200', ...(owner !== undefined && { owner_id: owner }) });
  const own = await ownerOf(emulator.announcement.url);
  await emulator.control.addRule({
    route: 'trashes', times: 1,
    action: { kind: 'answer', status: 200, headers: { 'content-type': 'application/json' }, body: { folders: [], files: [entry(hers?.id, own + 1), entry(hers?.id, undefined), entry(mine?.id, own)] } },
  });
  expect(await trash.empty(never)).toBe(1);
  expect((await emulator.control.trash()).map(({ path }) => path)).toEqual(['/Commun/hers.txt']);
  expect(await emulator.control.emptyings()).toEqual([]);
});

test('where nobody says whose account this is, nothing is destroyed', async () => {
  const { another, emulator } = await start();
  await emulator.control.addRule({ route: 'account', times: 0, action: { kind: 'answer', status: 404, headers: { 'content-type': 'application/json' }, body: { error: 'Introuvable' } } });
  const provider = another();
  await provider.connect(never);
  await throwAway(provider, '/mine.txt');
  await expect(trashOf(provider).empty(never)).rejects.toMatchObject({ errno: 'EACCES' });
  expect(await emulator.control.trash()).toHaveLength(1);
});

test('where it does not say who has put a thing there, it is not destroyed, and that is told', async () => {
  const { trash, provider, emulator } = await start({ surprises: { sparse: true } });
  await throwAway(provider, '/mine.txt');
  await expect(trash.empty(never)).rejects.toMatchObject({ errno: 'EACCES' });
  expect(await emulator.control.trash()).toHaveLength(1);
});

/** The number of the user `u`. */
async function ownerOf(origin: string): Promise<number> {
  const json = async (path: string, init: RequestInit = {}): Promise<unknown> => (await fetch(`${origin}/api${path}`, init)).json();
  const told = await json('/auth', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ user: 'u', password: 'p' }) });
  const token = typeof told === 'object' && told !== null && 'token' in told ? String(told.token) : '';
  const account = await json('/account', { headers: { authorization: `Bearer ${token}` } });
  return typeof account === 'object' && account !== null && 'id' in account ? Number(account.id) : Number.NaN;
}
