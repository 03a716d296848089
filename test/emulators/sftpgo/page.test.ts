/** What SFTPGo's page says and the record does not show: each rule by a request. */
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { json, listed } from './client.js';
import { pattern } from './record.js';
import { staged } from './staging.js';
import { zipEntries } from './zip-entries.js';

describe('encoding', () => {
  test('a parameter lost to a bare ; or a bad % is the root: a listing of it, a copy into it', async () => {
    const { client, root } = await staged();
    await mkdir(`${root}/d`);
    await writeFile(`${root}/d/f`, '');
    for (const path of ['/d;x', '/d%zz', '/d%', '']) {
      expect(listed(await client.ask('GET', `/dirs?path=${path}`)), path).toMatchObject([{ name: 'd' }]);
      expect((await client.ask('POST', `/files/upload?path=${path}`, { body: '' })).status, path).toBe(400);
    }
    expect((await client.ask('POST', '/file-actions/copy?path=/d/f&target=/g;h')).status).toBe(200);
    expect((await readdir(root)).sort()).toEqual(['d', 'f']);
    expect((await client.ask('POST', '/file-actions/move?path=/d/f&target=/g;h')).status).toBe(403);
  });

  test('a NUL is 500, like everything the disk refuses', async () => {
    const { client } = await staged();
    expect((await client.ask('GET', '/files?path=/a%00b')).status).toBe(500);
    expect((await client.ask('POST', '/dirs?path=/a%00b')).status).toBe(500);
  });

  test('booleans must be exactly true', async () => {
    const { client, root } = await staged();
    for (const value of ['1', 'TRUE', 'yes', '']) {
      expect((await client.ask('POST', `/dirs?path=/a/b&mkdir_parents=${value}`)).status, value).toBe(404);
    }
    expect(await readdir(root)).toEqual([]);
  });
});

describe('reading', () => {
  test.each([
    ['bytes=5-0', 206, 'bytes 5-9/10', '56789'],
    ['bytes=2-100', 206, 'bytes 2-9/10', '23456789'],
    ['bytes=9-9', 206, 'bytes 9-9/10', '9'],
    ['bytes=-9', 206, 'bytes 1-9/10', '123456789'],
  ])('%s', async (range, status, contentRange, body) => {
    const { client, root } = await staged();
    await writeFile(`${root}/f`, '0123456789');
    const answer = await client.ask('GET', '/files?path=/f', { headers: { range } });
    expect([answer.status, answer.headers['content-range'], answer.body.toString()]).toEqual([status, contentRange, body]);
  });

  test('If-Unmodified-Since refuses a part of a newer file', async () => {
    const { client, root } = await staged();
    await writeFile(`${root}/f`, '0123456789');
    const headers = { range: 'bytes=2-4', 'if-unmodified-since': 'Tue, 14 Nov 2023 22:13:20 GMT' };
    expect((await client.ask('GET', '/files?path=/f', { headers })).status).toBe(412);
    expect((await client.ask('GET', '/files?path=/f', { headers: { range: 'bytes=2-4', 'if-match': '"x"' } })).status).toBe(206);
  });

  test('reading a pipe hangs, also by HEAD, until the client gives up', async () => {
    const { client, root, emulator } = await staged();
    execFileSync('mkfifo', [`${root}/pipe`]);
    const wires = [await client.begin('GET', '/files?path=/pipe', {}, ''), await client.begin('HEAD', '/files?path=/pipe', {}, '')];
    while ((await emulator.control.state()).inFlight < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await client.ask('GET', '/dirs?path=/')).status).toBe(200);
    expect((await emulator.control.state()).inFlight).toBe(2);
    for (const wire of wires) wire.close();
    while ((await emulator.control.state()).inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test('a large file comes whole, and its parts fit together', async () => {
    const { client, root } = await staged();
    const bytes = pattern(3_000_001);
    await writeFile(`${root}/f`, bytes);
    expect((await client.ask('GET', '/files?path=/f')).body.equals(bytes)).toBe(true);
    const first = await client.ask('GET', '/files?path=/f', { headers: { range: 'bytes=0-1499999' } });
    const second = await client.ask('GET', '/files?path=/f', { headers: { range: 'bytes=1500000-' } });
    expect(Buffer.concat([first.body, second.body]).equals(bytes)).toBe(true);
  });

  test('times are rounded down to the second, to the last nanosecond and before 1970', async () => {
    const { client, root } = await staged();
    await writeFile(`${root}/f`, '');
    for (const [time, shown] of [
      ['2020-01-01T00:00:00.999999999Z', 'Wed, 01 Jan 2020 00:00:00 GMT'],
      ['1969-12-31T23:59:58.5Z', 'Wed, 31 Dec 1969 23:59:58 GMT'],
    ] as const) {
      execFileSync('touch', ['-d', time, `${root}/f`]);
      expect((await client.ask('HEAD', '/files?path=/f')).headers['last-modified'], time).toBe(shown);
      expect(json(await client.ask('GET', '/dirs?path=/'))).toMatchObject([{ last_modified: `${new Date(shown).toISOString().slice(0, 19)}Z` }]);
    }
  });
});

describe('links', () => {
  test('nothing outside the home can be read, written, listed, moved or deleted through one', async () => {
    const outside = await staged();
    await writeFile(`${outside.root}/secret`, 'secret');
    const { client, root } = await staged();
    await symlink(outside.root, `${root}/out`);
    await symlink(`${outside.root}/secret`, `${root}/file`);
    await symlink(`${outside.root}/new`, `${root}/dangling`);
    const refused = [
      ['GET', '/dirs?path=/out'], ['GET', '/files?path=/out/secret'], ['GET', '/files?path=/file'],
      ['POST', '/files/upload?path=/out/x'], ['POST', '/files/upload?path=/file'], ['POST', '/files/upload?path=/dangling'],
      ['POST', '/dirs?path=/out/d'], ['DELETE', '/files?path=/out/secret'], ['DELETE', '/dirs?path=/out/secret'],
      ['POST', '/file-actions/move?path=/out/secret&target=/mine'], ['POST', '/file-actions/copy?path=/out/secret&target=/mine'],
      ['PATCH', '/files/metadata?path=/file'],
    ] as const;
    for (const [method, path] of refused) {
      expect((await client.ask(method, path, { body: method === 'PATCH' ? '{"modification_time":0}' : 'x' })).status, path).toBe(403);
    }
    expect(await readdir(outside.root)).toEqual(['secret']);
    expect(await readFile(`${outside.root}/secret`, 'utf8')).toBe('secret');
  });
});

describe('changing', () => {
  test('of 16 that make one folder at once, one gets 201', async () => {
    const { client } = await staged();
    await client.token();
    const answers = await Promise.all(Array.from({ length: 16 }, () => client.ask('POST', '/dirs?path=/d')));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 15 }, () => 500)]);
  });

  test('a name over 255 bytes, a path through a file: 500', async () => {
    const { client, root } = await staged();
    await writeFile(`${root}/f`, '');
    for (const [method, path] of [
      ['POST', `/dirs?path=/${'n'.repeat(256)}`],
      ['POST', '/dirs?path=/f/d'],
      ['GET', '/files?path=/f/x'],
      ['POST', '/file-actions/move?path=/f&target=/f/x'],
    ] as const) {
      expect((await client.ask(method, path)).status, path).toBe(500);
    }
  });

  test('a copy goes into a target that ends with a slash, makes its parents, and is of now', async () => {
    const { client, root } = await staged();
    await writeFile(`${root}/f`, 'f');
    execFileSync('touch', ['-d', '2020-01-01', `${root}/f`]);
    expect((await client.ask('POST', '/file-actions/copy?path=/f&target=/a/b/')).status).toBe(200);
    expect(await readFile(`${root}/a/b/f`, 'utf8')).toBe('f');
    expect((await stat(`${root}/a/b/f`)).mtimeMs).toBeGreaterThan(Date.now() - 60_000);
  });

  test('a time that is a string is 400', async () => {
    const { client, root } = await staged();
    await writeFile(`${root}/f`, '');
    const answer = await client.ask('PATCH', '/files/metadata?path=/f', { body: '{"modification_time":"1"}' });
    expect({ status: answer.status, body: json(answer) }).toEqual({
      status: 400,
      body: { error: 'json: cannot unmarshal string into Go value of type int64', message: '' },
    });
  });

  test('every millisecond that is set is the one on disk', async () => {
    const { client, root } = await staged();
    await writeFile(`${root}/f`, '');
    for (const ms of [0, 1, 999, 1_700_000_000_000, 1_600_000_000_001, 1_723_456_789_987, 4_102_444_799_999]) {
      await client.ask('PATCH', '/files/metadata?path=/f', { body: `{"modification_time":${ms}}` });
      expect((await stat(`${root}/f`, { bigint: true })).mtimeNs / 1_000_000n).toBe(BigInt(ms));
    }
  });

  test('a form whose body is cut off changes nothing', async () => {
    const { client, root } = await staged();
    const part = '--B\r\nContent-Disposition: form-data; name="filenames"; filename="a"\r\n\r\n';
    const headers = { 'content-type': 'multipart/form-data; boundary=B', 'content-length': '1000' };
    const wire = await client.begin('POST', '/files?path=/', headers, `${part}hello`);
    wire.endSending();
    expect((await wire.answer('POST')).status).toBe(400);
    expect(await readdir(root)).toEqual([]);
  });

  test('a form of several files, one of some MiB', async () => {
    const { client, root } = await staged();
    const large = pattern(2_500_000);
    const part = (name: string): string => `--B\r\nContent-Disposition: form-data; name="filenames"; filename="${name}"\r\n\r\n`;
    const body = Buffer.concat([Buffer.from(part('été.txt')), Buffer.from('a\r\n'), Buffer.from(part('large')), large, Buffer.from('\r\n--B--\r\n')]);
    const headers = { 'content-type': 'multipart/form-data; boundary=B' };
    expect((await client.ask('POST', '/files?path=/new/folder&mkdir_parents=true', { body, headers })).status).toBe(201);
    expect(await readFile(`${root}/new/folder/été.txt`, 'utf8')).toBe('a');
    expect((await readFile(`${root}/new/folder/large`)).equals(large)).toBe(true);
  });
});

describe('streamzip', () => {
  test('holds folders and files below the home, names with accents and all', async () => {
    const { client, root } = await staged();
    await mkdir(`${root}/Réunions/2024`, { recursive: true });
    await writeFile(`${root}/Réunions/2024/large`, pattern(2_000_000));
    await writeFile(`${root}/a`, 'a');
    await symlink('a', `${root}/Réunions/link`);
    const { status, headers, body } = await client.ask('POST', '/streamzip', { body: '["/a","/Réunions"]' });
    expect([status, headers['content-type'], headers['transfer-encoding']]).toEqual([200, 'application/zip', 'chunked']);
    const entries = await zipEntries(body);
    expect(entries.map(({ name, flags, size }) => [name, flags, size])).toEqual([
      ['Réunions/', '0x800', 0],
      ['Réunions/2024/', '0x800', 0],
      ['Réunions/2024/large', '0x808', 2_000_000],
      ['a', '0x8', 1],
    ]);
  });

  test('breaks off where a right is missing', async () => {
    const { client, root } = await staged();
    await writeFile(`${root}/a`, 'a');
    expect((await client.ask('POST', '/streamzip', { body: '["/a"]', user: 'no_download' })).end).toBe('no response');
  });
});
