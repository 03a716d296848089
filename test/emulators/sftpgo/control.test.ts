/** What tests can make go wrong: the same in the emulator's process and over HTTP. */
import { readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { SftpgoControl } from '../../../src/emulators/sftpgo/control.js';
import { connectControl, untilStalled, untilState } from '../../support/control.js';
import type { Asking } from './client.js';
import { pattern } from './record.js';
import { staged, type Staged } from './staging.js';
import type { WireAnswer } from '../wire.js';

interface Controlled extends Staged {
  readonly control: SftpgoControl;
}

const ways = [
  ['in process', ({ emulator }: Staged) => emulator.control],
  ['over HTTP', ({ emulator }: Staged) => connectControl(emulator.announcement.url)],
] as const;

describe.each(ways)('the control interface, %s', (_way, controlOf) => {
  async function controlled(): Promise<Controlled> {
    const stage = await staged();
    await writeFile(`${stage.root}/f`, pattern(100_000));
    // Signed in first, so that what is counted below is what the test asks.
    await stage.client.token();
    const control = controlOf(stage);
    await control.resetCounts();
    return { ...stage, control };
  }
  const get = async ({ client }: Controlled, asking?: Asking): Promise<WireAnswer> => client.ask('GET', '/files?path=/f', asking);

  test('the next N requests of a route fail with a status, a body and headers; others do not', async () => {
    const stage = await controlled();
    await stage.control.addRule({
      route: 'get',
      times: 2,
      action: { kind: 'answer', status: 503, body: { error: 'busy' }, headers: { 'Retry-After': '1' } },
    });
    expect((await stage.client.ask('HEAD', '/files?path=/f')).status).toBe(200);
    const failed = await get(stage);
    expect(failed.status).toBe(503);
    expect(failed.headers).toMatchObject({ 'retry-after': '1', 'content-type': 'application/json' });
    expect(failed.body.toString()).toBe('{"error":"busy"}');
    expect((await get(stage)).status).toBe(503);
    expect((await get(stage)).status).toBe(200);
  });

  test('a rule waits until so many have passed, lasts for all with times 0, and ends when it is removed', async () => {
    const stage = await controlled();
    const id = await stage.control.addRule({ route: 'get', skip: 1, times: 0, action: { kind: 'answer', status: 500 } });
    const statuses = [];
    for (let count = 0; count < 4; count += 1) statuses.push((await get(stage)).status);
    await stage.control.removeRules(id);
    statuses.push((await get(stage)).status);
    expect(statuses).toEqual([200, 500, 500, 500, 200]);
  });

  test('a rule can be for one path, or for paths that match, the target of a move among them', async () => {
    const stage = await controlled();
    await stage.control.addRule({ path: '/other', action: { kind: 'answer', status: 500 } });
    await stage.control.addRule({ pathMatches: '\\.tmp$', action: { kind: 'answer', status: 502 } });
    expect((await get(stage)).status).toBe(200);
    expect((await stage.client.ask('GET', '/files?path=/other')).status).toBe(500);
    expect((await stage.client.ask('POST', '/file-actions/move?path=/f&target=/f.tmp')).status).toBe(502);
    expect(await readdir(stage.root)).toEqual(['f']);
  });

  test('the connection is closed without an answer: before the work, or after it', async () => {
    const stage = await controlled();
    await stage.control.addRule({ route: 'mkdir', action: { kind: 'close' } });
    await stage.control.addRule({ route: 'mkdir', skip: 1, action: { kind: 'loseAnswer' } });
    expect((await stage.client.ask('POST', '/dirs?path=/before')).end).toBe('no response');
    expect((await stage.client.ask('POST', '/dirs?path=/after')).end).toBe('no response');
    expect((await readdir(stage.root)).sort()).toEqual(['after', 'f']);
  });

  test.each([0, 1, 5000, 99_999])('an answer is cut after %i bytes', async (afterBytes) => {
    const stage = await controlled();
    await stage.control.addRule({ route: 'get', action: { kind: 'cutResponse', afterBytes } });
    const { status, headers, body, end } = await get(stage);
    expect({ status, end, length: headers['content-length'] }).toEqual({ status: 200, end: 'aborted', length: '100000' });
    expect(body.equals(pattern(afterBytes))).toBe(true);
    expect((await get(stage)).end).toBe('complete');
  });

  test('a listing is cut, too', async () => {
    const stage = await controlled();
    for (let index = 0; index < 100; index += 1) await writeFile(`${stage.root}/file-${index}`, '');
    await stage.control.addRule({ route: 'list', action: { kind: 'cutResponse', afterBytes: 3000 } });
    const { body, end } = await stage.client.ask('GET', '/dirs?path=/');
    expect({ end, length: body.length }).toEqual({ end: 'aborted', length: 3000 });
  });

  test('an upload is cut after so many bytes, and leaves what a cut upload leaves', async () => {
    const stage = await controlled();
    await stage.control.addRule({ route: 'upload', action: { kind: 'cutUpload', afterBytes: 1234 } });
    const { end } = await stage.client.ask('POST', '/files/upload?path=/f', { body: pattern(50_000) });
    expect(end).toBe('no response');
    await untilState(stage.control, ({ inFlight }) => inFlight === 0);
    expect((await readFile(`${stage.root}/f`)).equals(pattern(1234))).toBe(true);
  });

  test.each([
    ['request', []],
    ['answer', ['d']],
  ] as const)('a request stalls at its %s until the rule is removed', async (at, made) => {
    const stage = await controlled();
    await stage.control.addRule({ route: 'mkdir', action: { kind: 'stall', at } });
    const answer = stage.client.ask('POST', '/dirs?path=/d');
    await untilStalled(stage.control);
    expect((await readdir(stage.root)).filter((name) => name !== 'f')).toEqual(made);
    await stage.control.removeRules();
    expect((await answer).status).toBe(201);
  });

  test('an answer stalls in the middle of its body until the rule is removed', async () => {
    const stage = await controlled();
    await stage.control.addRule({ route: 'get', action: { kind: 'stall', at: 'responseBody', afterBytes: 7000 } });
    const wire = await stage.client.begin('GET', '/files?path=/f', {}, '');
    await wire.head();
    expect((await wire.bytes(7000)).equals(pattern(7000))).toBe(true);
    await untilStalled(stage.control);
    await stage.control.removeRules();
    expect((await wire.bytes(93_000)).equals(pattern(93_000, 7000))).toBe(true);
  });

  test('an upload stalls in the middle of its body until the rule is removed', async () => {
    const stage = await controlled();
    await stage.control.addRule({ route: 'upload', action: { kind: 'stall', at: 'uploadBody', afterBytes: 7000 } });
    const answer = stage.client.ask('POST', '/files/upload?path=/g', { body: pattern(20_000) });
    await untilStalled(stage.control);
    await untilState(stage.control, ({ stalled }) => stalled === 1);
    expect((await readFile(`${stage.root}/g`)).length).toBeLessThanOrEqual(7000);
    await stage.control.removeRules();
    expect((await answer).status).toBe(201);
    expect((await readFile(`${stage.root}/g`)).equals(pattern(20_000))).toBe(true);
  });

  test.each([1_000, 8_000_000])('a client that goes away inside a stalled upload of %i bytes is noticed though nothing is read', async (size) => {
    const stage = await controlled();
    await stage.control.addRule({ route: 'upload', action: { kind: 'stall', at: 'uploadBody', afterBytes: 500 } });
    const wire = await stage.client.begin('POST', '/files/upload?path=/g', { 'content-length': String(size) }, pattern(size - 1));
    await untilStalled(stage.control);
    wire.close();
    await untilState(stage.control, ({ stalled, inFlight }) => stalled === 0 && inFlight === 0);
    expect((await stage.control.log()).at(-1)?.end).toBe('broken');
  });

  test('an answer that is lost, and a stalled upload whose server ends, leave no file open', async () => {
    const stage = await controlled();
    const open = async (): Promise<string[]> => {
      const links = await Promise.all((await readdir('/proc/self/fd')).map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')));
      return links.filter((path) => path.startsWith(stage.root));
    };
    await stage.control.addRule({ route: 'get', action: { kind: 'loseAnswer' } });
    expect((await get(stage)).end).toBe('no response');
    await expect.poll(open).toEqual([]);
    await stage.control.addRule({ route: 'upload', action: { kind: 'stall', at: 'uploadBody', afterBytes: 500 } });
    await stage.client.begin('POST', '/files/upload?path=/g', { 'content-length': '1000' }, pattern(900));
    await untilStalled(stage.control);
    expect(await open()).toHaveLength(1);
    await stage.emulator.close();
    expect(await open()).toEqual([]);
  });

  test('answers come late, and bodies come slowly in both directions', async () => {
    const stage = await controlled();
    await stage.control.addRule({ times: 0, action: { kind: 'slow', latencyMs: 120 } });
    const late = await timed(() => stage.client.ask('HEAD', '/files?path=/f'));
    expect(late.ms).toBeGreaterThanOrEqual(119);
    await stage.control.removeRules();
    await stage.control.addRule({ times: 0, action: { kind: 'slow', bytesPerSecond: 400_000 } });
    const down = await timed(() => get(stage));
    expect(down.value.body.equals(pattern(100_000))).toBe(true);
    expect(down.ms).toBeGreaterThanOrEqual(240);
    const up = await timed(() => stage.client.ask('POST', '/files/upload?path=/g', { body: pattern(100_000) }));
    expect(up.ms).toBeGreaterThanOrEqual(240);
    expect((await readFile(`${stage.root}/g`)).equals(pattern(100_000))).toBe(true);
  });

  test('requests are counted by route, and told of in the log', async () => {
    const stage = await controlled();
    await get(stage);
    await get(stage, { headers: { range: 'bytes=10-19' } });
    await stage.client.ask('POST', '/files/upload?path=/g%20h', { body: 'hello' });
    await stage.client.ask('POST', '/file-actions/move?path=/g%20h&target=/i');
    await stage.client.ask('GET', '/stat');
    const state = await untilState(stage.control, ({ inFlight }) => inFlight === 0);
    expect(state.counts).toEqual({ get: 2, upload: 1, move: 1, other: 1 });
    expect(state).toMatchObject({ total: 5, maxInFlight: 1, stalled: 0 });
    expect(await stage.control.log()).toMatchObject([
      { route: 'get', method: 'GET', path: '/f', status: 200, user: 'u', responseBytes: 100_000, end: 'complete' },
      { route: 'get', range: 'bytes=10-19', status: 206, responseBytes: 10 },
      { route: 'upload', path: '/g h', status: 201, requestBytes: 5 },
      { route: 'move', path: '/g h', target: '/i', status: 200 },
      { route: 'other', status: 404 },
    ]);
    await stage.control.resetCounts();
    expect((await stage.control.state()).counts).toEqual({});
    expect(await stage.control.log()).toEqual([]);
  });

  test('the most requests at one time are known', async () => {
    const stage = await controlled();
    await stage.control.addRule({ times: 3, action: { kind: 'stall', at: 'request' } });
    const answers = Promise.all([get(stage), get(stage), get(stage)]);
    await untilStalled(stage.control, 3);
    await stage.control.removeRules();
    await answers;
    await get(stage);
    expect((await stage.control.state()).maxInFlight).toBe(3);
  });

  test('tokens are forgotten', async () => {
    const stage = await controlled();
    await stage.control.forgetTokens();
    expect((await get(stage)).status).toBe(401);
  });

  test('a user gets other rights, another quota, another password', async () => {
    const stage = await controlled();
    await stage.control.changeUser('u', { rights: ['list'], quotaBytes: 10, usedBytes: 8, password: 'secret' });
    expect((await get(stage)).status).toBe(403);
    expect((await stage.client.signIn('u')).status).toBe(401);
    expect((await stage.client.signIn('u', {}, 'secret')).status).toBe(200);
    await stage.control.changeUser('u', { rights: ['list', 'upload'] });
    expect((await stage.client.ask('POST', '/files/upload?path=/g', { body: '123' })).status).toBe(413);
    expect((await stage.client.ask('POST', '/files/upload?path=/g', { body: '12' })).status).toBe(201);
  });

  test('a code is good for one sign-in', async () => {
    const { client, control } = await controlled();
    const code = { 'x-sftpgo-otp': await control.oneTimeCode('otp') };
    expect((await client.signIn('otp', code)).status).toBe(200);
    expect((await client.signIn('otp', code)).status).toBe(401);
  });

  test('what it does not understand it refuses', async () => {
    const { control } = await controlled();
    await expect(control.changeUser('nobody', {})).rejects.toThrow('no such user: nobody');
    await expect(control.changeUser('u', { rights: ['fly'] })).rejects.toThrow('no such right: fly');
    await expect(control.oneTimeCode('nobody')).rejects.toThrow('no such user: nobody');
    await expect(control.addRule({ pathMatches: '(', action: { kind: 'close' } })).rejects.toThrow('regular expression');
  });

  test('closing ends at once with requests that wait and connections that are open', async () => {
    const stage = await controlled();
    await stage.control.addRule({ route: 'get', action: { kind: 'stall', at: 'request' } });
    await stage.control.addRule({ route: 'upload', action: { kind: 'stall', at: 'uploadBody', afterBytes: 3 } });
    const stalled = [get(stage), stage.client.ask('POST', '/files/upload?path=/g', { body: '12345' })];
    const idle = await stage.client.begin('GET', '/dirs?path=/', {}, '');
    await idle.answer('GET');
    const sending = await stage.client.begin('POST', '/files/upload?path=/h', { 'content-length': '10' }, '123');
    await untilStalled(stage.control, 2);
    await stage.emulator.close();
    expect((await Promise.all(stalled)).map(({ end }) => end)).toEqual(['no response', 'no response']);
    expect((await sending.answer('POST')).end).toBe('no response');
    await idle.untilClosed();
  });
});

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const start = performance.now();
  const value = await work();
  return { value, ms: performance.now() - start };
}
