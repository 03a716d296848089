/** Share links and deposit links, and what else the platform tells of a document, as NetExplorer's page has them. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { connectNetexplorerControl } from '../../support/control.js';
import { commun, form, staged, type Stage } from './stage.js';
import { sendingTo, type Send } from './sending.js';

interface LinkStage extends Stage {
  readonly send: Send;
  /** Two files in `Commun`, and a folder with one. */
  readonly ids: { readonly a: number; readonly b: number; readonly below: number };
}

async function stage(options: Parameters<typeof staged>[0] = {}): Promise<LinkStage> {
  const made = await staged({ now: () => Date.UTC(2024, 0, 31, 12), signIn: { sessionIdleMs: Infinity, sessionLimitMs: Infinity }, ...options });
  const upload = async (name: string, folderId: number): Promise<number> => (await made.object('POST /file/upload', form(name, `content of ${name}`, { folderId }))).id;
  const below = (await made.object('POST /folder', { name: 'Below', parent_id: commun })).id;
  const [a, b] = [await upload('a', commun), await upload('b', commun)];
  await upload('c', below);
  return { ...made, send: sendingTo(made.emulator.announcement.url), ids: { a, b, below } };
}

const made = z.looseObject({ id: z.number(), key: z.string() });

describe('a share link in the new form', () => {
  test('is made for files and folders, told with its roots, and opens them to everybody', async () => {
    const { ask, send, ids, emulator } = await stage();
    const asked = { name: 'for you', roots: [{ id: ids.a, entity_type: 0 }], expiration_date: '2024-03-01T00:00:00+02:00' };
    const link = made.parse((await ask('POST /sharelink', { body: asked })).json);
    expect(link).toMatchObject({
      name: 'for you', flags: 0, owner_id: 7, expiration_date: '2024-03-01T00:00:00+02:00', creation_date: '2024-01-31T14:00:00+02:00',
      roots: [{ id: ids.a, entity_type: 0, share_id: link.id, name: 'a', can_download: true, can_preview: true, can_edit: false, size: 12 }],
    });
    expect(link).not.toHaveProperty('password_protected');
    const opened = await send(`GET /dl/${link.key}`);
    expect([opened.status, opened.text, opened.headers.get('content-disposition')]).toEqual([200, 'content of a', expect.stringContaining("UTF-8''a")]);
    expect((await emulator.control.links())[0]).toMatchObject({ kind: 'share', address: `/dl/${link.key}`, owner: 'u', paths: ['/Commun/a'], downloads: 1 });
    expect(JSON.stringify(await emulator.control.log())).not.toContain(link.key);
  });

  test('to a folder tells the files in it, each to be downloaded, and what goes to the trash is gone from it', async () => {
    const { ask, send, ids } = await stage();
    const link = made.parse((await ask('POST /sharelink', { body: { roots: [{ id: String(ids.below), entity_type: 1 }] } })).json);
    const told = z.array(z.object({ guid: z.string(), path: z.string(), size: z.number() }));
    const [only] = told.parse(JSON.parse((await send(`GET /dl/${link.key}`)).text));
    expect(only).toMatchObject({ path: 'Below/c', size: 12 });
    expect((await send(`GET /dl/${link.key}/${only?.guid ?? ''}`)).text).toBe('content of c');
    expect((await send(`GET /dl/${link.key}/unknown`)).status).toBe(404);
    await ask(`DELETE /folder/${ids.below}`);
    expect((await send(`GET /dl/${link.key}`)).text).toBe('[]');
  });

  test('passes over a password and a number of downloads, which this form does not have', async () => {
    const { ask, send, ids } = await stage();
    const link = made.parse((await ask('POST /sharelink', { body: { roots: [{ id: ids.a, entity_type: 0 }], password: 'x', max_downloads: 1 } })).json);
    for (let times = 0; times < 2; times += 1) expect((await send(`GET /dl/${link.key}`)).status).toBe(200);
  });

  test('without the right to download does not let one', async () => {
    const { ask, send, ids } = await stage();
    const link = made.parse((await ask('POST /sharelink', { body: { roots: [{ id: ids.a, entity_type: 0, can_download: false }] } })).json);
    expect((await send(`GET /dl/${link.key}`)).status).toBe(403);
  });
});

describe('a share link in the older form', () => {
  test('has a password, a number of downloads and an end', async () => {
    const { ask, send, ids, emulator } = await stage({ links: { form: 'old', dates: 'french' } });
    const body = { files: [ids.a], password: 'sésame', max_downloads: 2, expiration_date: '14/02/2024' };
    const link = made.parse((await ask('POST /sharelink', { body })).json);
    expect(link).toMatchObject({
      is_valid: true, expiration_date: '14/02/2024', password_protected: true, remaining_downloads: 2, max_downloads: 2,
      notify: false, autoupdate: false, only_preview: false, force_dl: false, files: [{ id: ids.a, name: 'a' }],
    });
    expect(JSON.stringify(link)).not.toContain('sésame');
    const address = `GET /dl/${link.key}`;
    expect((await send(address)).status).toBe(401);
    expect((await send(address, { basic: ['', 'other'] })).status).toBe(401);
    expect((await send(address, { basic: ['', 'sésame'] })).text).toBe('content of a');
    expect((await ask(`GET /sharelink/${link.id}`)).json).toMatchObject({ remaining_downloads: 1, is_valid: true });
    expect((await send(address, { basic: ['', 'sésame'] })).status).toBe(200);
    expect((await send(address, { basic: ['', 'sésame'] })).status).toBe(410);
    expect((await ask(`GET /sharelink/${link.id}`)).json).toMatchObject({ remaining_downloads: 0, is_valid: false });
    const other = made.parse((await ask('POST /sharelink', { body: { ...body, password: null, max_downloads: null } })).json);
    await emulator.control.advance(13.4 * 86_400_000);
    expect((await send(`GET /dl/${other.key}`)).status).toBe(200);
    await emulator.control.advance(86_400_000);
    expect((await send(`GET /dl/${other.key}`)).status).toBe(410);
  });

  test('stays with its version, or follows the newest where it was told to', async () => {
    const { ask, send, object, ids } = await stage({ links: { form: 'old' } });
    const stays = made.parse((await ask('POST /sharelink', { body: { files: [ids.a] } })).json);
    const follows = made.parse((await ask('POST /sharelink', { body: { files: [ids.a], autoupdate: true } })).json);
    const newer = await object('POST /file/upload', form('a', 'newer', { folderId: commun }));
    expect([(await send(`GET /dl/${stays.key}`)).text, (await send(`GET /dl/${follows.key}`)).text]).toEqual(['content of a', 'newer']);
    expect((await ask(`GET /sharelink/${follows.id}`)).json).toMatchObject({ autoupdate: true, files: [{ guid: newer.guid }] });
  });
});

test('links are listed, changed and removed by who made them, and by administrators', async () => {
  const { ask, send, ids, emulator } = await stage({ links: { dates: 'sql' }, surprises: { longLists: true, countField: 'nb_objects' } });
  const link = made.parse((await ask('POST /sharelink', { body: { roots: [{ id: ids.b, entity_type: 0 }] } })).json);
  expect((await ask('GET /sharelinks')).json).toMatchObject({ offset_start: 0, nb_objects: 1, nb_total_objects: 1, objects: [{ id: link.id }] });
  expect((await ask('GET /sharelinks', { as: 'marie' })).json).toMatchObject({ objects: [] });
  expect((await ask(`GET /sharelink/${link.id}`, { as: 'marie' })).status).toBe(404);
  expect((await ask(`GET /sharelink/${link.id}`, { as: 'admin' })).status).toBe(200);
  const changed = await ask(`PUT /sharelink/${link.id}`, { body: { expiration_date: '2024-02-01 00:00:00', name: 'other' } });
  expect([changed.status, changed.json]).toEqual([200, expect.objectContaining({ expiration_date: '2024-02-01 00:00:00', name: 'other' })]);
  expect((await ask(`PUT /sharelink/${link.id}`, { body: { expiration_date: 'tomorrow' } })).status).toBe(422);
  expect((await ask(`PUT /sharelink/${link.id}`, { body: { expiration_date: null } })).json).not.toHaveProperty('expiration_date');
  expect((await ask(`DELETE /sharelink/${link.id}`, { as: 'marie' })).status).toBe(404);
  expect((await ask(`DELETE /sharelink/${link.id}`)).status).toBe(204);
  expect((await send(`GET /dl/${link.key}`)).status).toBe(404);
  expect(await emulator.control.links()).toEqual([]);
});

test('who has not the right makes no link: 403; what is not there has none: 404', async () => {
  const { ask, ids, emulator } = await stage();
  await emulator.control.setRights('/Commun', ['read', 'download', 'ulink']);
  expect((await ask('POST /sharelink', { body: { roots: [{ id: ids.a, entity_type: 0 }] } })).status).toBe(403);
  expect((await ask('POST /sharelink', { body: { roots: [{ id: ids.below, entity_type: 1 }] } })).status).toBe(403);
  expect((await ask('POST /ulink', { body: { folder_id: ids.below } })).status).toBe(200);
  await emulator.control.setRights('/Commun', ['read', 'download', 'dlink']);
  expect((await ask('POST /ulink', { body: { folder_id: ids.below } })).status).toBe(403);
  expect((await ask('POST /sharelink', { body: { roots: [{ id: ids.a, entity_type: 0 }] } })).status).toBe(200);
  expect((await ask('POST /sharelink', { body: { roots: [{ id: 9999, entity_type: 0 }] } })).status).toBe(404);
  expect((await ask('POST /sharelink', { body: { roots: [] } })).status).toBe(422);
});

test('a deposit link is made, told, changed and removed, and ends with its date or its folder', async () => {
  const { ask, send, ids, emulator } = await stage({ links: { depositPath: '/depot/' } });
  const link = made.parse((await ask('POST /ulink', { body: { folder_id: ids.below, expiration_date: '2024-02-01 14:00:00' } })).json);
  const shown = { id: link.id, key: link.key, folder: 'Below', folder_id: ids.below, is_valid: true, expiration_date: '2024-02-01T14:00:00+02:00', owner: 'u', owner_id: 7 };
  expect(link).toEqual(shown);
  expect((await ask('GET /ulinks')).json).toEqual([shown]);
  expect((await send(`GET /depot/${link.key}`)).json).toEqual({ folder: 'Below' });
  await emulator.control.advance(86_400_000);
  expect((await send(`GET /depot/${link.key}`)).status).toBe(410);
  expect((await ask(`PUT /ulink/${link.id}`, { body: { expiration_date: null } })).json).toMatchObject({ is_valid: true });
  await ask(`DELETE /folder/${ids.below}`);
  expect((await ask(`GET /ulink/${link.id}`)).json).toMatchObject({ is_valid: false, folder_id: null });
  const links = await connectNetexplorerControl(emulator.announcement.url).links();
  expect(links).toMatchObject([{ kind: 'deposit', address: `/depot/${link.key}`, owner: 'u' }]);
  expect((await ask(`DELETE /ulink/${link.id}`)).status).toBe(204);
  expect((await ask('GET /ulinks')).json).toEqual([]);
});

test('infos tell annotations, pages, author and title where the platform knows them, the timeline what happened, newest first', async () => {
  const { ask, object, ids, emulator } = await stage({ offsetMinutes: 60 });
  expect((await ask(`GET /file/${ids.a}/infos`)).json).toEqual({});
  const at = Date.UTC(2024, 0, 31, 13);
  const told = { annotations: 2, pages: 12, author: 'Marie', title: 'Plan', events: [{ at, action: 'download', login: 'marie' }] };
  await connectNetexplorerControl(emulator.announcement.url).describe('/Commun/a', told);
  expect((await ask(`GET /file/${ids.a}/infos`)).json).toEqual({ annotations: 2, length: 12, author: 'Marie', title: 'Plan' });
  await emulator.control.advance(7_200_000);
  const newer = await object('POST /file/upload', form('a', 'newer', { folderId: commun }));
  expect((await ask(`GET /file/${newer.id}/timeline`)).json).toMatchObject([
    { date: '2024-01-31T15:00:00+01:00', action: 'version', owner: 'u', owner_id: 7, file_id: newer.id },
    { date: '2024-01-31T14:00:00+01:00', action: 'download', owner: 'marie', owner_id: 8 },
    { date: '2024-01-31T13:00:00+01:00', action: 'create', owner: 'u', file_id: ids.a },
  ]);
  await emulator.control.surprise({ longLists: true });
  expect((await ask(`GET /file/${newer.id}/timeline`)).json).toMatchObject({ nb_objets: 3, nb_total_objects: 3 });
  expect((await ask('GET /file/9999/infos')).status).toBe(404);
});
