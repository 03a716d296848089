/** Folders and documents as NetExplorer's page tells of them, with the truth on the disk beside. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commun, form, staged } from './stage.js';

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

test('an upload is a file on the disk with its time, a folder lists it with its MD5, and its bytes come back in ranges', async () => {
  const { root, ask, object, names } = await staged();
  const file = await object('POST /file/upload', form('été.txt', 'bonjour', { folderId: commun, modification: '2024-05-06T07:08:09Z' }));
  expect(file).toMatchObject({ name: 'été.txt', parent_id: commun, size: 7, hash: md5('bonjour'), modification: '2024-05-06T09:08:09+02:00' });
  expect(await names(commun)).toEqual(['été.txt']);
  expect(readFileSync(join(root, 'Commun/été.txt'), 'utf8')).toBe('bonjour');
  expect(statSync(join(root, 'Commun/été.txt')).mtimeMs).toBe(Date.UTC(2024, 4, 6, 7, 8, 9));
  const part = await ask(`GET /file/${file.id}/download`, { headers: { range: 'bytes=3-5' } });
  expect([part.status, part.text, part.headers.get('content-range')]).toEqual([206, 'jou', 'bytes 3-5/7']);
  expect((await ask(`GET /file/${file.id}/download`, { headers: { range: 'bytes=7-' } })).status).toBe(416);
});

test('an upload under a name that exists is a new version: another id, the same guid, and the older one is still there', async () => {
  const { root, ask, object, list } = await staged();
  const old = await object('POST /file/upload', form('a', 'one', { folderId: commun }));
  const now = await object('POST /file/upload', form('a', 'two', { folderId: commun }));
  expect(now.guid).toBe(old.guid);
  expect(now.id).not.toBe(old.id);
  expect((await list(`GET /file/${old.id}/versions`)).map(({ id }) => id)).toEqual([now.id, old.id]);
  expect((await ask(`GET /file/${old.id}/download`)).text).toBe('one');
  expect(readFileSync(join(root, 'Commun/a'), 'utf8')).toBe('two');
  const replaced = await object(`PUT /file/${now.id}/upload`, Buffer.from('in place'));
  expect([replaced.id, replaced.hash]).toEqual([now.id, md5('in place')]);
  expect((await ask(`DELETE /file/${now.id}?versions=none`)).status).toBe(204);
  expect(readFileSync(join(root, 'Commun/a'), 'utf8')).toBe('one');
});

test('depth -1 is the whole tree in one answer; depth 0 has no content; the filter keeps folders or files out', async () => {
  const { ask, object } = await staged();
  const below = await object('POST /folder', { name: 'Below', parent_id: commun });
  await object('POST /file', { name: 'empty', parent_id: below.id });
  expect((await ask(`GET /folder/${commun}`)).json).not.toHaveProperty('content');
  expect((await ask('GET /folders?depth=-1')).json).toMatchObject([
    { id: commun, parent_id: 0, content: { files: [], folders: [{ name: 'Below', content: { folders: [], files: [{ name: 'empty', size: 0, hash: md5('') }] } }] } },
  ]);
  expect((await ask(`GET /folder/${below.id}?depth=1&filter=1`)).json).toMatchObject({ content: { files: [], folders: [] } });
});

test('renames and moves; over a name that exists they are refused, and nothing has changed', async () => {
  const { root, ask, object } = await staged();
  const folder = await object('POST /folder', { name: 'F', parent_id: commun });
  const file = await object('POST /file', { name: 'a', parent_id: commun });
  await object('POST /file', { name: 'b', parent_id: String(folder.id) });
  expect(await object(`PUT /file/${file.id}`, { name: 'c', parent_id: folder.id })).toMatchObject({ id: file.id, guid: file.guid, name: 'c', parent_id: folder.id });
  const refused = await ask(`PUT /file/${file.id}`, { body: { name: 'b' } });
  expect([refused.status, refused.json]).toEqual([403, { error: 'Un élément du même nom existe déjà dans ce dossier' }]);
  expect(readdirSync(join(root, 'Commun/F')).sort()).toEqual(['b', 'c']);
  expect((await ask(`PUT /folder/${folder.id}`, { body: { parent_id: folder.id } })).status).toBe(422);
  await object(`PUT /folder/${folder.id}`, { name: 'G', modification: '2020-01-01T00:00:00Z' });
  expect(statSync(join(root, 'Commun/G')).mtimeMs).toBe(Date.UTC(2020, 0, 1));
});

test.each(['a:b', 'a\\b', ' a', 'a\t', 'x'.repeat(201), '..', ''])('no folder is named %j', async (name) => {
  const { ask } = await staged();
  expect((await ask('POST /folder', { body: { name, parent_id: commun } })).status).toBe(422);
});

test('a folder at the top is made by administrators only, a file by nobody', async () => {
  const { ask, object } = await staged();
  expect((await ask('POST /folder', { body: { name: 'Top', parent_id: 0 } })).status).toBe(403);
  expect(await object('POST /folder', { name: 'Top', parent_id: 0 }, 'admin')).toMatchObject({ name: 'Top', parent_id: 0 });
  expect((await ask('POST /file', { body: { name: 'a', parent_id: 0 }, as: 'admin' })).status).toBe(403);
});

test('what was deleted lies in the trash under an id of its own, and is restored as it was', async () => {
  const { root, emulator: { control }, ask, object, names } = await staged();
  const folder = await object('POST /folder', { name: 'F', parent_id: commun });
  const file = await object('POST /file/upload', form('a', 'one', { folderId: folder.id }));
  expect((await ask(`DELETE /folder/${folder.id}`)).status).toBe(204);
  expect(readdirSync(join(root, 'Commun'))).toEqual([]);
  expect((await ask(`GET /file/${file.id}`)).status).toBe(404);
  const [entry] = await control.trash();
  expect((await ask('GET /trashes')).json).toMatchObject({ files: [], folders: [{ id: entry?.id, name: 'F', is_file: false, size: 3, nb_files: 1 }] });
  expect((await ask('GET /trashes', { as: 'marie' })).json).toEqual({ folders: [], files: [] });
  await control.surprise({ commaParent: true });
  expect((await ask(`PUT /trash/${entry?.id ?? 0}`, { body: { folder_id: commun } })).json).toMatchObject({ id: folder.id, parent_id: `${commun},` });
  expect(await names(folder.id)).toEqual(['a']);
  expect(await object(`GET /file/${file.id}`)).toMatchObject({ guid: file.guid });
  await ask(`DELETE /file/${file.id}?trash=0`);
  expect([await control.trash(), await control.emptyings()]).toEqual([[], []]);
});

test('what a test puts on the disk is entered as done by another', async () => {
  const { root, emulator: { control }, object, names, ask } = await staged();
  const file = await object('POST /file/upload', form('a', 'one', { folderId: commun }));
  writeFileSync(join(root, 'Commun/a'), 'by marie');
  writeFileSync(join(root, 'Commun/b'), 'new');
  expect(await names(commun)).toEqual(['a']);
  await control.adopt();
  expect(await names(commun)).toEqual(['a', 'b']);
  expect((await ask(`GET /file/${file.id}`)).status).toBe(404);
  expect(await control.versionsOf('/Commun/a')).toMatchObject([{ md5: md5('by marie'), owner: 'marie' }]);
});
