/** Signing in to SFTPGo. (SFTPGo's page: token) */
import { afterEach, describe, expect, it } from 'vitest';
import { isErrno } from '../../../src/errors.js';
import { bytesOf, contentOf, listAll, never, readAll, someTime } from '../subject.js';
import { openAt, startSubject, type SftpgoSubject, type SubjectOptions } from './subject.js';

let subject: SftpgoSubject;
afterEach(() => subject.close());

async function start(options: SubjectOptions = {}): Promise<SftpgoSubject> {
  subject = await startSubject(options);
  return subject;
}

async function count(route: string): Promise<number> {
  return (await subject.emulator.control.state()).counts[route] ?? 0;
}

describe('a token', () => {
  it('is fetched once for however many requests wait', async () => {
    const { provider } = await start();
    await Promise.all(Array.from({ length: 30 }, () => listAll(provider, '/')));
    expect(await count('token')).toBe(1);
  });

  it('that the server has forgotten is renewed, once for all who found it dead, and nobody notices', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(10), someTime);
    await listAll(provider, '/');
    await emulator.control.forgetTokens();
    await emulator.control.resetCounts();
    const [entries, entry] = await Promise.all([
      listAll(provider, '/'), provider.stat({ path: '/f' }, never), readAll(provider, '/f'),
      provider.write({ path: '/g' }, contentOf(bytesOf(100_000)), { modified: someTime }, never),
      ...Array.from({ length: 10 }, () => provider.stat({ path: '/f' }, never)),
    ]);
    expect(entries.length).toBeGreaterThan(0);
    expect(entry.size).toBe(10);
    expect(await count('token')).toBe(1);
  });

  it('that ends in the middle of a large read does not disturb it', async () => {
    const { provider, backstage, emulator } = await start();
    const content = bytesOf(3_000_000);
    await backstage.put('/f', content, someTime);
    const { body } = await provider.read({ path: '/f' }, { start: 0, end: content.length, version: undefined }, never);
    const pieces: Uint8Array[] = [];
    for await (const piece of body) {
      if (pieces.length === 0) await emulator.control.forgetTokens();
      pieces.push(piece);
    }
    expect(Buffer.concat(pieces).equals(content)).toBe(true);
    expect((await readAll(provider, '/f', { start: 5, end: 10 })).bytes.equals(content.subarray(5, 10))).toBe(true);
  });

  it('is renewed before its end, beside the work', async () => {
    // Three quarters of 2 s: a quarter before its end, and far before the server refuses it.
    const { provider } = await start({ emulator: { tokenLifetimeS: 2, tokenLeewayS: 60 } });
    await listAll(provider, '/');
    expect(await count('token')).toBe(1);
    await expect.poll(async () => {
      await listAll(provider, '/');
      return count('token');
    }, { timeout: 5_000, interval: 100 }).toBeGreaterThan(1);
    const log = await subject.emulator.control.log();
    expect(log.filter(({ status }) => status === 401)).toEqual([]);
  });

  it('whose renewal fails for a while is used as long as it lives', async () => {
    const { provider, emulator } = await start({ emulator: { tokenLifetimeS: 2, tokenLeewayS: 60 } });
    await listAll(provider, '/');
    await emulator.control.addRule({ route: 'token', times: 0, action: { kind: 'answer', status: 503 } });
    await new Promise((resolve) => setTimeout(resolve, 1_600));
    await listAll(provider, '/');
    expect(await count('list')).toBe(2);
    await emulator.control.removeRules();
  });

  it('is handed back at the end', async () => {
    const { provider } = await start();
    await provider.connect(never);
    await provider.close();
    expect(await count('logout')).toBe(1);
  });

  it('whoever stops waiting for it does not end the sign-in of the others', async () => {
    const { provider, emulator } = await start();
    await emulator.control.addRule({ route: 'token', action: { kind: 'slow', latencyMs: 300 } });
    const abort = new AbortController();
    const first = provider.stat({ path: '/' }, abort.signal);
    const second = provider.stat({ path: '/' }, never);
    setTimeout(() => {
      abort.abort();
    }, 50);
    await expect(first).rejects.toMatchObject({ errno: 'EINTR' });
    expect(await second).toMatchObject({ kind: 'folder' });
    expect(await count('token')).toBe(1);
  });
});

describe('a wrong password', () => {
  it('is told in words that help, and is not tried again in a loop: the defender would ban the address', async () => {
    const { provider } = await start({ credentials: { password: 'wrong' }, emulator: { defender: { badLoginDelayMs: 10 } } });
    await expect(provider.connect(never)).rejects.toMatchObject({ errno: 'EACCES' });
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => listAll(provider, '/')));
    for (const outcome of outcomes) expect(outcome.status === 'rejected' && isErrno(outcome.reason, 'EACCES')).toBe(true);
    expect(await count('token')).toBe(1);
    await expect(provider.stat({ path: '/' }, never)).rejects.toThrow(/does not let u in.*AMARRE_OTP.*AMARRE_API_KEY/);
  });

  it('does not stand in an error or in the log', async () => {
    const { provider, log } = await start({ credentials: { password: 'Geheim-4711' } });
    const error: unknown = await provider.connect(never).catch((thrown: unknown) => thrown);
    const text = `${String(error)} ${JSON.stringify(log)} ${error instanceof Error ? JSON.stringify(error.cause) : ''}`;
    expect(text).not.toContain('Geheim');
    expect(text).not.toContain(Buffer.from('u:Geheim-4711').toString('base64'));
  });

  it('changed while the token lives does no harm until the token ends', async () => {
    const { provider, emulator } = await start();
    await listAll(provider, '/');
    await emulator.control.changeUser('u', { password: 'new' });
    await listAll(provider, '/');
    await emulator.control.forgetTokens();
    await expect(listAll(provider, '/')).rejects.toMatchObject({ errno: 'EACCES' });
    await expect(listAll(provider, '/')).rejects.toMatchObject({ errno: 'EACCES' });
    expect(await count('token')).toBe(2);
  });

  it('a banned address is told, and left in peace', async () => {
    const { provider, another } = await start({ credentials: { password: 'wrong' }, emulator: { defender: { threshold: 1, badLoginDelayMs: 1 } } });
    await expect(provider.connect(never)).rejects.toMatchObject({ errno: 'EACCES' });
    const good = another({ credentials: { password: 'p' } });
    await expect(good.connect(never)).rejects.toThrow(/bans this address/);
    const before = await count('token');
    await expect(good.stat({ path: '/' }, never)).rejects.toMatchObject({ errno: 'EACCES' });
    expect(await count('token')).toBe(before);
  });

  it('a user whose protocol is denied, and one who must change the password, are told why', async () => {
    const { provider, another } = await start({ user: 'nohttp' });
    await expect(provider.connect(never)).rejects.toThrow(/protocol HTTP is not allowed/);
    await expect(another({ user: 'chpwd' }).connect(never)).rejects.toThrow(/Password change required/);
  });
});

describe('a second factor', () => {
  it('takes the code once, and says what to do when the token ends', async () => {
    const { another, emulator } = await start();
    const provider = another({ user: 'otp', credentials: { password: 'p', otp: await emulator.control.oneTimeCode('otp') } });
    await provider.connect(never);
    await listAll(provider, '/');
    await emulator.control.forgetTokens();
    await expect(listAll(provider, '/')).rejects.toMatchObject({ errno: 'EACCES' });
    await expect(listAll(provider, '/')).rejects.toThrow(/one-time code works once.*API key/);
    expect(await count('token')).toBe(1);
  });

  it('without a code, or with a wrong one, the words say what may be missing', async () => {
    const { another } = await start();
    await expect(another({ user: 'otp' }).connect(never)).rejects.toThrow(/second factor/);
    await expect(another({ user: 'otp', credentials: { password: 'p', otp: '000000' } }).connect(never)).rejects.toThrow(/code is wrong, or .*used before/);
  });
});

describe('an API key', () => {
  it('signs in without a token', async () => {
    const { another, emulator, backstage } = await start();
    await backstage.put('/d/f', bytesOf(10), someTime);
    for (const apiKey of [emulator.apiKeys.u, `${emulator.apiKeys.anyUser}.u`]) {
      const provider = another({ credentials: { apiKey } });
      await provider.connect(never);
      expect((await listAll(provider, '/')).map(({ name }) => name)).toEqual(['d']);
      expect(await provider.stat({ path: '/d' }, never)).toMatchObject({ kind: 'folder' });
      expect((await readAll(provider, '/d/f')).bytes.length).toBe(10);
    }
    expect(await count('token')).toBe(0);
  });

  it('that is not valid is told as that, and never makes a file a folder', async () => {
    const { another, backstage } = await start();
    await backstage.put('/f', bytesOf(10), someTime);
    for (const apiKey of ['abc.def', 'nonsense']) {
      const provider = another({ credentials: { apiKey } });
      await expect(provider.connect(never)).rejects.toMatchObject({ errno: 'EACCES' });
      await expect(provider.stat({ path: '/f' }, never)).rejects.toThrow(/API key is not valid/);
    }
    const wrongSecret = another({ credentials: { apiKey: `${subject.emulator.apiKeys.u.split('.')[0] ?? ''}.wrong` } });
    await expect(wrongSecret.stat({ path: '/f' }, never)).rejects.toMatchObject({ errno: 'EACCES' });
  });
});

describe('an API key that the server takes no more', () => {
  it.each(['unknown', 'of a wrong secret'])('(%s) is shown once, however many ask', async (how) => {
    const { another, emulator } = await start({ emulator: { defender: { badLoginDelayMs: 1 } } });
    const apiKey = how === 'unknown' ? 'un.known' : `${emulator.apiKeys.u.split('.')[0] ?? ''}.wrong`;
    const provider = another({ credentials: { apiKey } });
    await expect(listAll(provider, '/')).rejects.toMatchObject({ errno: 'EACCES' });
    await emulator.control.resetCounts();
    const attempts = await Promise.allSettled(Array.from({ length: 20 }, () => listAll(provider, '/')));
    expect(attempts.every((attempt) => attempt.status === 'rejected' && isErrno(attempt.reason, 'EACCES'))).toBe(true);
    expect((await emulator.control.state()).total).toBe(0);
  });
});

describe('connecting', () => {
  it.each([
    ['a folder that is not there', '/no such', 'ENOENT', /no folder \/no such/],
    ['a file', '/file', 'ENOTDIR', /\/file is a file/],
    ['a path through a file', '/file/below', 'ENOTDIR', /through a file/],
  ])('to %s says so', async (_name, base, errno, words) => {
    const { backstage, emulator } = await start();
    await backstage.put('/file', bytesOf(1), someTime);
    const provider = openAt(emulator.announcement.url, base);
    await expect(provider.connect(never)).rejects.toMatchObject({ errno });
    await expect(provider.connect(never)).rejects.toThrow(words);
    await provider.close();
  });

  it('without the right to list goes well, and is told: files can be put there', async () => {
    const { provider, log } = await start({ user: 'no_list' });
    await provider.connect(never);
    expect(log.some(({ msg }) => msg.includes('does not let this user list the folder'))).toBe(true);
    await expect(listAll(provider, '/')).rejects.toMatchObject({ errno: 'EACCES' });
  });

  it('to a crowded server waits its turn', async () => {
    const { provider, emulator } = await start();
    await emulator.control.addRule({ route: 'token', action: { kind: 'answer', status: 403, body: { error: 'you are not allowed to connect', message: '' } } });
    await emulator.control.addRule({ route: 'list', action: { kind: 'answer', status: 403, body: { error: 'you are not allowed to connect', message: '' } } });
    await provider.connect(never);
  });
});
