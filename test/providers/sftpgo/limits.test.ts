/** SFTPGo's limits: requests at once, sessions, the rate. (SFTPGo's page: statuses) */
import { afterEach, describe, expect, it } from 'vitest';
import { bytesOf, contentOf, listAll, never, readAll, someTime } from '../subject.js';
import { startSubject, type SftpgoSubject, type SubjectOptions } from './subject.js';

let subject: SftpgoSubject;
afterEach(() => subject.close());

async function start(options: SubjectOptions = {}): Promise<SftpgoSubject> {
  subject = await startSubject(options);
  await subject.provider.connect(never);
  await subject.emulator.control.resetCounts();
  return subject;
}

describe('requests at once', () => {
  it('never exceed the setting, whatever is asked', async () => {
    const { provider, backstage, emulator } = await start({ settings: { parallelRequests: 4 } });
    await backstage.put('/f', bytesOf(100_000), someTime);
    await Promise.all(Array.from({ length: 40 }, async (_, at) => {
      await listAll(provider, '/');
      await readAll(provider, '/f');
      await provider.write({ path: `/w${at}` }, contentOf(bytesOf(10_000)), { modified: someTime }, never);
    }));
    expect((await emulator.control.state()).maxInFlight).toBeLessThanOrEqual(4);
  });

  it('a listing is answered while downloads that nobody reads hold their places', async () => {
    const { provider, backstage } = await start({ settings: { parallelRequests: 3 } });
    await backstage.put('/f', bytesOf(4_000_000), someTime);
    const open = [1, 2].map(() => provider.read({ path: '/f' }, { start: 0, end: 4_000_000, version: undefined }, never));
    const downloads = await Promise.all(open);
    expect((await listAll(provider, '/')).length).toBe(1);
    for (const { body } of downloads) await body[Symbol.asyncIterator]().return?.();
  });

  it('a user who may have one session at a time is kept to it, after the first refusal', async () => {
    const { another, backstage, log } = await start();
    await backstage.put('/f', bytesOf(1000), someTime);
    const provider = another({ user: 'sess1' });
    await provider.connect(never);
    await Promise.all(Array.from({ length: 12 }, () => readAll(provider, '/f')));
    expect(log.some(({ msg }) => msg.includes('fewer requests at once'))).toBe(true);
    await subject.emulator.control.resetCounts();
    await Promise.all(Array.from({ length: 12 }, () => provider.stat({ path: '/f' }, never)));
    expect((await subject.emulator.control.state()).maxInFlight).toBe(1);
  });

  it('a crowd behind one address is waited out, by calls that change things too', async () => {
    const { provider, emulator } = await start();
    const crowded = { kind: 'answer', status: 403, headers: { 'content-type': 'application/json' }, body: { error: 'you are not allowed to connect', message: '' } } as const;
    for (const route of ['mkdir', 'upload', 'move', 'delete', 'list']) await emulator.control.addRule({ route, times: 2, action: crowded });
    await provider.createFolder({ path: '/d' }, never);
    await provider.write({ path: '/d/f' }, contentOf(bytesOf(1000)), { modified: someTime }, never);
    expect((await listAll(provider, '/d')).length).toBe(1);
    await provider.removeFile({ path: '/d/f' }, never);
  });

  it('a crowd that does not go away is EBUSY, told', async () => {
    const { provider, emulator } = await start({ settings: { stallTimeout: 300 } });
    await emulator.control.addRule({ route: 'list', times: 0, action: { kind: 'answer', status: 403, headers: { 'content-type': 'application/json' }, body: { error: 'you are not allowed to connect', message: '' } } });
    await expect(listAll(provider, '/')).rejects.toMatchObject({ errno: 'EBUSY' });
    await expect(listAll(provider, '/')).rejects.toThrow(/too many requests from this address/);
  });
});

describe('the rate limiter', () => {
  it('is obeyed: what it refuses comes later', async () => {
    const { provider, backstage } = await start({ emulator: { rateLimiter: { average: 20, periodMs: 1000, burst: 5 } } });
    await backstage.put('/f', bytesOf(1000), someTime);
    const results = await Promise.all(Array.from({ length: 25 }, () => provider.stat({ path: '/f' }, never)));
    expect(results.every(({ size }) => size === 1000)).toBe(true);
    // One refusal slows all down: most requests are never refused. Without that each of the 20 that have to wait is, and again.
    const refused = (await subject.emulator.control.log()).filter(({ status }) => status === 429).length;
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(20);
  });
});

describe('a ban', () => {
  it('that the defender lays on the address is told, and nothing more is sent: each try would make it longer', async () => {
    const { provider, another, emulator } = await start({ emulator: { defender: { threshold: 1, badLoginDelayMs: 1 } } });
    await expect(another({ credentials: { password: 'wrong' } }).connect(never)).rejects.toMatchObject({ errno: 'EACCES' });
    await expect(listAll(provider, '/')).rejects.toThrow(/bans this address/);
    await emulator.control.resetCounts();
    const attempts = await Promise.allSettled(Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? listAll(provider, '/') : provider.stat({ path: '/f' }, never))));
    expect(attempts.every(({ status }) => status === 'rejected')).toBe(true);
    expect((await emulator.control.state()).total).toBe(0);
  });
});

describe('idle connections', () => {
  it('that the server closes are not noticed', async () => {
    const { provider, backstage, emulator } = await start({ emulator: { idleTimeoutMs: 100 } });
    await backstage.put('/f', bytesOf(1000), someTime);
    for (let round = 0; round < 3; round += 1) {
      expect((await readAll(provider, '/f')).bytes.length).toBe(1000);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    expect((await emulator.control.state()).counts['get']).toBe(3);
  });
});
