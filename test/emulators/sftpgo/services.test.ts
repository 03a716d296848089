/** An operator who offers four services only, and rights that differ by folder. */
import { mkdir, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { connectControl } from '../../support/control.js';
import { listed } from './client.js';
import { staged } from './staging.js';

const form = '--B\r\nContent-Disposition: form-data; name="filenames"; filename="new"\r\n\r\nbytes\r\n--B--\r\n';
const formHeaders = { 'content-type': 'multipart/form-data; boundary=B' };

describe.each([403, 404, 405] as const)('others refused with %i', (status) => {
  test('token, listing, streamzip and form answer; nothing else does, and nothing changes', async () => {
    const { client, root } = await staged({ refuseOthers: status });
    await writeFile(`${root}/f`, 'f');
    await mkdir(`${root}/d`);
    for (const [method, path, body = ''] of [
      ['HEAD', '/files?path=/f'], ['GET', '/files?path=/f'], ['HEAD', '/dirs?path=/'], ['POST', '/files/upload?path=/g', 'g'],
      ['POST', '/dirs?path=/e'], ['DELETE', '/files?path=/f'], ['DELETE', '/dirs?path=/d'], ['PATCH', '/files/metadata?path=/f', '{"modification_time":0}'],
      ['POST', '/file-actions/move?path=/f&target=/g'], ['POST', '/file-actions/copy?path=/f&target=/g'], ['GET', '/logout'],
    ] as const) expect([path, (await client.ask(method, path, { body })).status]).toEqual([path, status]);
    expect((await client.ask('POST', '/streamzip', { body: '["/f"]' })).status).toBe(200);
    expect((await client.ask('POST', '/files?path=/', { body: form, headers: formHeaders })).status).toBe(201);
    expect(listed(await client.ask('GET', '/dirs?path=/')).map(({ name }) => name).sort()).toEqual(['d', 'f', 'new']);
  });
});

test('which services answer, and rights by folder, change while the server runs', async () => {
  const { client, emulator, root } = await staged();
  const control = connectControl(emulator.announcement.url);
  await mkdir(`${root}/in/deep`, { recursive: true });
  await control.refuseOthers(405);
  expect((await client.ask('POST', '/dirs?path=/a')).status).toBe(405);
  await control.refuseOthers();
  expect((await client.ask('POST', '/dirs?path=/a')).status).toBe(201);
  await expect(control.refuseOthers(500)).rejects.toThrow(/403, 404 or 405/);

  await control.changeUser('u', { folderRights: { '/in': ['upload'], '/in/deep': ['list'] } });
  expect((await client.ask('GET', '/dirs?path=/in')).status).toBe(403);
  expect((await client.ask('POST', '/files/upload?path=/in/f', { body: 'f' })).status).toBe(201);
  expect((await client.ask('GET', '/dirs?path=/in/deep')).status).toBe(200);
  expect((await client.ask('POST', '/files/upload?path=/in/deep/f', { body: 'f' })).status).toBe(403);
  await expect(control.changeUser('u', { folderRights: { '/in': ['fly'] } })).rejects.toThrow(/no such right: fly/);
});
