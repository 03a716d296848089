/** What surprises, switch by switch; locks, rights and roots; and the control interface from another process. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { SurpriseChange } from '../../../src/emulators/netexplorer/surprises.js';
import { connectNetexplorerControl } from '../../support/control.js';
import { commun, form, staged, type Stage } from './stage.js';

/** Two folders, each with a file. */
async function filled(surprises: SurpriseChange = {}): Promise<Stage & { readonly folder: number; readonly file: number }> {
  const stage = await staged();
  const folder = await stage.object('POST /folder', { name: 'F', parent_id: commun });
  await stage.object('POST /file', { name: 'below', parent_id: folder.id });
  const file = await stage.object('POST /file/upload', form('a.txt', 'bytes', { folderId: commun }));
  await stage.emulator.control.surprise(surprises);
  return { ...stage, folder: folder.id, file: file.id };
}

test.each([['403', 403], ['409', 409], ['422', 422]] as const)('a name that exists is answered %s', async (nameExists, status) => {
  const { ask, names } = await filled({ nameExists });
  expect((await ask('POST /file', { body: { name: 'F', parent_id: commun } })).status).toBe(status);
  expect(await names(commun)).toEqual(['F', 'a.txt']);
});

test('a name that exists gets a number', async () => {
  const { object, file, names, folder } = await filled({ nameExists: 'renamed' });
  expect(await object('POST /folder', { name: 'F', parent_id: commun })).toMatchObject({ name: 'F (1)' });
  await object('POST /file', { name: 'a.txt', parent_id: folder });
  expect(await object(`PUT /file/${file}`, { parent_id: folder })).toMatchObject({ name: 'a (1).txt' });
  expect(await names(commun)).toEqual(['F', 'F (1)']);
});

test.each<[string, SurpriseChange, unknown]>([
  ['a stranger among the children', { wrongChildren: true }, { content: { files: [{ name: 'below', parent_id: 102 }, { name: 'a.txt' }] } }],
  ['an array for content', { bareArray: 'content' }, { content: [{ name: 'F' }, { name: 'a.txt' }] }],
  ['an array for everything', { bareArray: 'answer' }, [{ name: 'F' }, { name: 'a.txt' }]],
  ['ids as texts', { idsAsStrings: true }, { id: '101', parent_id: '0', content: { files: [{ parent_id: '101' }] } }],
  ['another name for the name', { nameField: 'nom' }, { nom: 'Commun', content: { files: [{ nom: 'a.txt' }] } }],
  ['another name for the hash', { hashField: 'md5' }, { content: { files: [{ md5: '4b3a6218bb3e3a7303e8a171a60fcf92' }] } }],
])('a listing with %s', async (_what, surprises, wanted) => {
  const { ask } = await filled(surprises);
  expect((await ask(`GET /folder/${commun}?depth=1`)).json).toMatchObject(Array.isArray(wanted) ? wanted : Object(wanted));
});

test('a listing without content, size, hash and what is optional', async () => {
  const { ask, emulator: { control }, file } = await filled({ withoutContent: true });
  expect((await ask(`GET /folder/${commun}?depth=1`)).json).not.toHaveProperty('content');
  await control.surprise({ withoutContent: false, sizeMissing: true, hashField: 'none', sparse: true });
  const { json } = await ask(`GET /file/${file}`);
  for (const field of ['size', 'hash', 'lock', 'owner']) expect(json).not.toHaveProperty(field);
});

test('a new object is missing from listings for a while, and is there when asked for', async () => {
  const { object, names, emulator: { control } } = await filled({ hiddenMs: 60_000 });
  const made = await object('POST /file', { name: 'new', parent_id: commun });
  expect(await names(commun)).toEqual([]);
  expect(await object(`GET /file/${made.id}`)).toMatchObject({ name: 'new' });
  await control.surprise({ hiddenMs: 50 });
  await expect.poll(() => names(commun)).toEqual(['F', 'a.txt', 'new']);
});

test('answers of changes differ', async () => {
  const { ask, file, folder } = await filled({ deleteAnswer: 'OK', putAnswer: 'OK', folderChange: '204', createStatus: '201' });
  expect((await ask('POST /file', { body: { name: 'n', parent_id: commun } })).status).toBe(201);
  expect((await ask(`PUT /folder/${folder}`, { body: { name: 'G' } })).status).toBe(204);
  expect((await ask(`PUT /file/${file}/upload`, { body: Buffer.from('x') })).text).toBe('OK');
  expect((await ask(`DELETE /file/${file}`)).text).toBe('OK');
});

test('a platform without a trash, versions or changes in place tells so, and does without', async () => {
  const { ask, object, list, emulator: { control }, file } = await filled({ features: { trash: false, versioning: false, edit: false } });
  expect((await ask('GET /publicconfig')).json).toMatchObject({ features: { trash: false, versioning: false, edit: false, lock: true } });
  const now = await object('POST /file/upload', form('a.txt', 'more', { folderId: commun }));
  expect((await list(`GET /file/${now.id}/versions`)).map(({ id }) => id)).toEqual([now.id]);
  expect((await ask(`GET /file/${file}`)).status).toBe(404);
  expect((await ask(`PUT /file/${now.id}/upload`, { body: Buffer.from('x') })).status).toBe(403);
  await ask(`DELETE /file/${now.id}?trash=1`);
  expect(await control.trash()).toEqual([]);
});

test('a deletion takes this version and the older, and the newer stay; a token downloads one file without a session', async () => {
  const { ask, object, list, emulator: { announcement } } = await filled();
  const [, second, third] = [
    await object('POST /file/upload', form('v', '1', { folderId: commun })),
    await object('POST /file/upload', form('v', '2', { folderId: commun })),
    await object('POST /file/upload', form('v', '3', { folderId: commun })),
  ];
  await ask(`DELETE /file/${second.id}?versions=previous`);
  expect((await list(`GET /file/${third.id}/versions`)).map(({ id }) => id)).toEqual([third.id]);
  const { json } = await ask(`POST /token/file/${third.id}/download`);
  const { token } = z.object({ token: z.string() }).parse(json);
  expect(await (await fetch(`${announcement.url}/api/file/download?t=${token}`)).text()).toBe('3');
});

test('too many requests, with and without a time to come again', async () => {
  const { ask, emulator: { control } } = await filled({ requestsPerSecond: 1 });
  const refused = async () => (await Promise.all([1, 2, 3].map(() => ask('GET /folders')))).find(({ status }) => status === 429);
  expect((await refused())?.headers.get('retry-after')).toBe('1');
  await control.surprise({ retryAfter: false });
  expect((await refused())?.headers.get('retry-after')).toBeNull();
});

test("somebody else's lock refuses changes, and reading where it says so; one's own does not", async () => {
  const { ask, emulator: { control }, file } = await filled();
  await control.lockBy('/Commun/a.txt', 'marie');
  const change = { body: { name: 'b' } };
  expect([(await ask(`PUT /file/${file}`, change)).status, (await ask(`PUT /lock/${file}`)).status, (await ask(`GET /file/${file}/download`)).status]).toEqual([423, 423, 200]);
  expect((await ask(`GET /lock/${file}`)).json).toMatchObject({ owner: 'marie', locked: true, writeable: false, readable: true });
  await control.lockBy('/Commun/a.txt', 'marie', { readable: false });
  expect((await ask(`GET /file/${file}/download`)).status).toBe(423);
  expect((await ask(`DELETE /lock/${file}`)).status).toBe(403);
  await control.unlock('/Commun/a.txt');
  expect((await ask(`PUT /lock/${file}`)).status).toBe(200);
  expect((await ask('GET /locks')).json).toMatchObject([{ owner: 'u' }]);
  expect((await ask(`PUT /file/${file}`, change)).status).toBe(200);
  expect((await ask(`DELETE /lock/${file}`)).status).toBe(204);
  await control.surprise({ features: { lock: false } });
  expect((await ask(`PUT /lock/${file}`)).status).toBe(403);
});

test('rights are shown, and hold', async () => {
  const { ask, object, emulator: { control }, file, folder } = await filled();
  await control.setRights('/Commun', ['read']);
  await control.setRights('/Commun/F', []);
  expect((await ask(`GET /folder/${commun}?depth=1`)).json)
    .toMatchObject({ can_read: true, can_download: false, content: { folders: [], files: [{ can_write: false, can_edit: false }] } });
  const requests = [
    `GET /file/${file}/download`, `DELETE /file/${file}`, `PUT /file/${file}/upload`, `GET /folder/${folder}`, `DELETE /folder/${commun}`,
  ];
  expect(await Promise.all(requests.map(async (request) => (await ask(request)).status))).toEqual([403, 403, 403, 404, 403]);
  expect((await ask('POST /file/upload', { body: form('n', '', { folderId: commun }) })).status).toBe(403);
  await control.setRights('/Commun/a.txt', ['edit']);
  expect((await ask('POST /file/upload', { body: form('a.txt', '', { folderId: commun }) })).status).toBe(403);
  await object(`PUT /file/${file}/upload`, Buffer.from('in place'));
});

test('a user has roots of his own; what others share is in /roots, with an id or without', async () => {
  const { ask } = await staged({
    users: { u: { roots: [{ path: '/Commun' }, { path: '/Marie/Projet', type: 'shared' }, { path: '/Marie/Secret', type: 'shared', withoutId: true }] } },
  });
  const marie = await ask('POST /folder', { body: { name: 'Marie', parent_id: 0 }, as: 'admin' });
  expect(marie.json).toMatchObject({ id: 102 });
  for (const name of ['Projet', 'Secret']) await ask('POST /folder', { body: { name, parent_id: 102 }, as: 'admin' });
  expect((await ask('GET /folders')).json).toMatchObject([{ name: 'Commun' }]);
  expect((await ask('GET /roots')).json).toEqual([
    { id: commun, name: 'Commun', type: 'common', content: { folders: [], files: [] } },
    { id: 103, name: 'Projet', type: 'shared', content: { folders: [], files: [] } },
    { name: 'Secret', type: 'shared', content: { folders: [], files: [] } },
  ]);
  expect((await ask('GET /folder/102')).status).toBe(404);
  expect((await ask('GET /folder/103')).status).toBe(200);
});

test('from another process: content replaced in place between two reads, a version by another user, a purge, the trash emptied for all', async () => {
  const { ask, emulator, file, object, root } = await filled();
  const control = connectNetexplorerControl(emulator.announcement.url);
  await control.replaceInPlace('/Commun/a.txt', 'BYTES', 1);
  const read = async (range: string): Promise<string> => (await ask(`GET /file/${file}/download`, { headers: { range } })).text;
  expect([await read('bytes=0-1'), await read('bytes=2-4')]).toEqual(['by', 'TES']);
  await control.writeAs('/Commun/a.txt', 'by marie');
  expect((await ask(`GET /file/${file}/download`)).text).toBe('BYTES');
  expect(await control.versionsOf('/Commun/a.txt')).toMatchObject([{ owner: 'marie', size: 8 }, { id: file, owner: 'u' }]);
  expect((await control.objects())['/Commun/a.txt']).toMatchObject({ kind: 'file', versions: 2, size: 8 });
  writeFileSync(join(root, 'Commun/x'), '');
  await control.adopt();
  const { id } = (await object(`GET /path?path=/Commun/x`));
  await ask(`DELETE /file/${id}`);
  expect(await control.trash()).toMatchObject([{ path: '/Commun/x', owner: 'u' }]);
  await ask('DELETE /trashes?all=1');
  expect([await control.trash(), await control.emptyings()]).toEqual([[], [{ login: 'u', all: true }]]);
  await control.setPurge('/Commun', 2);
  await control.advance(3 * 86_400_000);
  await control.purge();
  expect(Object.keys(await control.objects())).toEqual(['/Commun', '/Commun/F', '/Commun/F/below']);
});

test('with followsDisk nobody need say that the disk changed; with rootFolder the root is one folder of the platform', async () => {
  const { root, names, ask, object, emulator: { announcement } } = await staged({ followsDisk: true, rootFolder: 'Tout' });
  expect(announcement.remote).toMatch(/\/Tout$/u);
  writeFileSync(join(root, 'x'), '');
  expect(await names(commun)).toEqual(['x']);
  const { id } = await object('POST /folder', { name: 'F', parent_id: commun });
  await ask(`DELETE /folder/${id}`);
  expect((await ask(`DELETE /folder/${commun}`, { as: 'admin' })).status).toBe(403);
  expect((await ask('GET /folders?depth=1')).json).toMatchObject([{ name: 'Tout', parent_id: 0, content: { folders: [], files: [{ name: 'x' }] } }]);
});
