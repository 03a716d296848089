/** Uploads in blocks as NetExplorer's page tells of them, and what goes wrong with them on order. */
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { untilStalled } from '../../support/control.js';
import { commun, form, staged, type Answered, type Stage } from './stage.js';

const content = randomBytes(2500);
const md5 = createHash('md5').update(content).digest('hex');

/** Sends a block of 1000 bytes of the content; -1 asks for the report. */
function send({ ask }: Stage, chunk: number): Promise<Answered> {
  const which = chunk < 0 ? { report: 1 } : { chunk };
  const bytes = content.subarray(chunk * 1000, chunk * 1000 + 1000);
  return ask('POST /file/upload', {
    body: form('big', chunk < 0 ? '' : bytes, { folderId: commun, ...which, chunks: 3, chunksSize: 1000, fileSize: content.length }),
  });
}

const missing = (...chunks: number[]) => chunks.map((chunk) => ({ missing: chunk }));

describe('in blocks', () => {
  test('those in between are answered OK, the last the file; the report says what is missing at any time', async () => {
    const stage = await staged();
    expect((await send(stage, 0)).text).toBe('OK');
    expect((await send(stage, -1)).json).toEqual(missing(1, 2));
    expect((await send(stage, 1)).text).toBe('OK');
    expect(readdirSync(join(stage.root, 'Commun'))).toEqual([]);
    expect((await send(stage, 2)).json).toMatchObject({ name: 'big', size: 2500, hash: md5 });
    expect(readFileSync(join(stage.root, 'Commun/big')).equals(content)).toBe(true);
    expect((await send(stage, -1)).json).toEqual(missing(0, 1, 2));
    expect(await stage.emulator.control.blocks()).toMatchObject([{ chunk: 0, bytes: 1000, status: 200 }, { chunk: 1 }, { chunk: 2, bytes: 500 }]);
  });

  test('a block that was lost is missing at the end; sent again, it completes the file', async () => {
    const stage = await staged({ surprises: { blockFaults: [{ chunk: 1 }] } });
    for (const chunk of [0, 1]) expect((await send(stage, chunk)).text).toBe('OK');
    expect((await send(stage, 2)).json).toEqual(missing(1));
    expect((await send(stage, 1)).json).toMatchObject({ hash: md5 });
  });

  test.each([[400, missing(1, 2)], [500, missing(1, 2)], [503, missing(0, 1, 2)]])('after %i at block 1, %j is missing', async (status, left) => {
    const stage = await staged({ surprises: { blockFaults: [{ chunk: 1, status }] } });
    await send(stage, 0);
    expect((await send(stage, 1)).status).toBe(status);
    expect((await send(stage, -1)).json).toEqual(left);
    for (const chunk of [0, 1]) await send(stage, chunk);
    expect((await send(stage, 2)).json).toMatchObject({ hash: md5 });
  });

  test('a block ahead of its turn is refused, and two at once are', async () => {
    const stage = await staged();
    expect((await send(stage, 1)).status).toBe(422);
    const { control } = stage.emulator;
    await control.addRule({ route: 'upload', action: { kind: 'stall', at: 'uploadBody', afterBytes: 1400 } });
    const first = send(stage, 0);
    await untilStalled(control);
    expect((await send(stage, 0)).status).toBe(423);
    await control.removeRules();
    expect((await first).text).toBe('OK');
  });

  test('one that was cut off leaves nothing of itself', async () => {
    const stage = await staged();
    await send(stage, 0);
    await stage.emulator.control.addRule({ route: 'upload', action: { kind: 'cutUpload', afterBytes: 900 } });
    await expect(send(stage, 1)).rejects.toThrow();
    expect((await send(stage, -1)).json).toEqual(missing(1, 2));
  });
});

test('dates are kept, or passed over without a word', async () => {
  const { emulator: { control }, object } = await staged({ offsetMinutes: 0 });
  const dates = { creation: '2001-02-03T04:05:06Z', modification: '2002-02-03T04:05:06+01:00' };
  expect(await object('POST /file/upload', form('a', '1', { folderId: commun, ...dates })))
    .toMatchObject({ creation: '2001-02-03T04:05:06+00:00', modification: '2002-02-03T03:05:06+00:00' });
  await control.surprise({ datesIgnored: true });
  expect((await object('POST /file/upload', form('a', '2', { folderId: commun, ...dates })))['modification']).not.toMatch(/^2002/u);
});

test.each([['old', 'whole'], ['half', 'ha']] as const)('a replacement in place that was cut off leaves the %s bytes', async (cutPut, left) => {
  const { root, emulator: { control }, ask, object } = await staged({ surprises: { cutPut } });
  const { id } = await object('POST /file/upload', form('a', 'whole', { folderId: commun }));
  await control.addRule({ route: 'replace', action: { kind: 'cutUpload', afterBytes: 2 } });
  await expect(ask(`PUT /file/${id}/upload`, { body: Buffer.from('half of it') })).rejects.toThrow();
  // The client hears of the cut before the platform is done with it.
  await expect.poll(() => readFileSync(join(root, 'Commun/a'), 'utf8')).toBe(left);
  expect((await object(`GET /file/${id}`)).size).toBe(left.length);
});

test('a quota of the platform, the user or a folder refuses what is one byte too much, and /quotas shows all three', async () => {
  const { emulator: { control }, ask } = await staged();
  const send6 = async (): Promise<number> => (await ask('POST /file/upload', { body: form('a', '123456', { folderId: commun }) })).status;
  expect(await send6()).toBe(200);
  await control.setQuota({ platform: 11 });
  expect(await send6()).toBe(413);
  await control.setQuota({ platform: 0, users: { u: 11 } });
  await control.surprise({ fullQuota: '507' });
  expect(await send6()).toBe(507);
  await control.setQuota({ users: { u: 12 }, folders: { '/Commun': 11 } });
  expect((await ask(`GET /quotas?folder=${commun}`)).json).toEqual({
    platform: { quota: null, used: 6 }, user: { quota: 12, used: 6 }, folder: { quota: 11, used: 6, folder: commun },
  });
  expect(await send6()).toBe(507);
  await control.setQuota({ folders: { '/Commun': 0 } });
  expect(await send6()).toBe(200);
});
