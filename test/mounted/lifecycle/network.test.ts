/** The way to the platform, through the built command: a company's proxy and authority, what refuses on the way, a wrong clock, a sleep. */
import { createSocket } from 'node:dgram';
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { useHarbour, type Harbour } from '../../support/amarre-mounts.js';
import { makeAuthority, type Authority, type IssueOptions } from '../../support/certificates.js';
import { amarre } from '../../support/cli.js';
import { run, shell, succeed, type ProgramResult } from '../../support/programs.js';
import { startLine, startProxy, startTls, type ProxyOptions, type TestProxy } from '../../support/wire.js';

const makeHarbour = useHarbour();
const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

let company: Authority;
beforeAll(async () => {
  company = await makeAuthority('Company');
});

function portOf(harbour: Harbour): number {
  return Number(new URL(harbour.remote.replace(/^sftpgo\+/, '')).port);
}

/** TLS before the emulator, with a certificate of the company's. Resolves to its port. */
async function secured(harbour: Harbour, issue: Partial<IssueOptions> = {}, more: Parameters<typeof startTls>[1] = {}): Promise<number> {
  const tls = await startTls(portOf(harbour), { ...(await company.issue({ names: ['files.test', '127.0.0.1'], ...issue })), ...more });
  cleanUps.push(() => tls.close());
  return tls.port;
}

async function proxied(options: ProxyOptions): Promise<TestProxy> {
  const proxy = await startProxy(options);
  cleanUps.push(() => proxy.close());
  return proxy;
}

/** A file of the test's own folder. */
async function file(harbour: Harbour, name: string, content: string, mode = 0o600): Promise<string> {
  const path = join(harbour.folder, name);
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
}

function mountAt(harbour: Harbour, origin: string, options: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<ProgramResult> {
  const remote = `sftpgo+${origin.replace('://', '://u@')}/`;
  const words = ['mount', '--daemon', remote, harbour.mountpoint, '--cache-dir', harbour.state, ...options];
  return harbour.run(words, { ...harbour.env, NO_PROXY: '', no_proxy: '', ...env });
}

/** Mounts, which must fail with this status and one line on standard error; answers the line. */
async function refusal(status: number, mounting: Promise<ProgramResult>): Promise<string> {
  const result = await mounting;
  expect([result.status, result.stderr.trim().split('\n').length], result.stderr).toEqual([status, 1]);
  return result.stderr;
}

test('a drive through a proxy that wants a sign-in, with TLS of the company\'s own authority: ls, cp, rsync', async () => {
  const harbour = await makeHarbour();
  const port = await secured(harbour);
  const proxy = await proxied({ user: 'ann:p@ss', route: () => port });
  const ca = await file(harbour, 'company.pem', company.cert, 0o644);
  const mounted = await mountAt(harbour, 'https://files.test:8443', ['--ca-file', ca, '--log-level', 'trace'], {
    HTTPS_PROXY: `http://ann:p%40ss@127.0.0.1:${proxy.port}`,
  });
  expect(mounted).toMatchObject({ status: 0, stderr: '' });
  const source = join(harbour.folder, 'source');
  await shell(`
    mkdir "$source" && head -c 5000000 /dev/urandom > "$source/large" && echo hello > "$source/small"
    cp "$source/large" "$mnt/copied"
    rsync -a "$source/" "$mnt/synced/"
    ls -l "$mnt/synced" | grep -q small
    cmp "$mnt/synced/large" "$source/large"
    [ -z "$(rsync -ai "$source/" "$mnt/synced/")" ]
  `, { env: { source, mnt: harbour.mountpoint } });
  expect((await harbour.umount()).status).toBe(0);
  expect((await readFile(join(harbour.root, 'synced', 'large'))).equals(await readFile(join(source, 'large')))).toBe(true);
  expect((await readFile(join(harbour.root, 'copied'))).equals(await readFile(join(source, 'large')))).toBe(true);
  expect(new Set(proxy.asked)).toEqual(new Set(['CONNECT files.test:8443']));
  expect(proxy.carried()).toBeGreaterThan(10_000_000);
  const log = await readFile(join(harbour.state, 'amarre.log'), 'utf8');
  expect(log).toContain('request answered');
  for (const secret of ['p@ss', 'p%40ss', Buffer.from('ann:p@ss').toString('base64')]) expect(log).not.toContain(secret);
});

describe('what stands in the way is told at mount, in one line with its remedy', () => {
  test.each<[string, Partial<IssueOptions>, RegExp]>([
    ['is for another name', { names: ['other.test'] }, /certificate for another name: DNS:other\.test/],
    ['has expired', { from: -3, to: -1 }, /expired by the clock of this machine/],
    ['is not valid yet', { from: 1, to: 3 }, /not valid yet by the clock of this machine, which says .*: is it right\?/],
  ])('a certificate that %s', async (_name, issue, words) => {
    const harbour = await makeHarbour();
    const port = await secured(harbour, issue);
    const ca = await file(harbour, 'company.pem', company.cert);
    expect(await refusal(4, mountAt(harbour, `https://127.0.0.1:${port}`, ['--ca-file', ca]))).toMatch(words);
  });

  test('an unknown authority; NODE_EXTRA_CA_CERTS and SSL_CERT_FILE may name it as --ca-file does', async () => {
    const harbour = await makeHarbour();
    const origin = `https://127.0.0.1:${await secured(harbour)}`;
    expect(await refusal(4, mountAt(harbour, origin, []))).toMatch(/authority.*--ca-file/);
    const ca = await file(harbour, 'company.pem', company.cert);
    for (const name of ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE']) {
      expect(await mountAt(harbour, origin, [], { [name]: ca })).toMatchObject({ status: 0 });
      expect((await harbour.umount()).status).toBe(0);
    }
  });

  test('a client certificate: its key is guarded, belongs to it, and opens the server', async () => {
    const harbour = await makeHarbour();
    const origin = `https://127.0.0.1:${await secured(harbour, {}, { requestCert: true, rejectUnauthorized: true, ca: company.cert })}`;
    const [ann, other] = [await company.issue({ names: ['ann'] }), await company.issue({ names: ['other'] })];
    const [ca, cert] = [await file(harbour, 'company.pem', company.cert), await file(harbour, 'ann.pem', ann.cert, 0o644)];
    const key = await file(harbour, 'ann.key', ann.key, 0o644);
    const wrong = await file(harbour, 'other.key', other.key);
    const mount = (...words: string[]): Promise<ProgramResult> => mountAt(harbour, origin, ['--ca-file', ca, ...words]);
    expect(await refusal(2, mount('--client-cert', cert, '--client-key', key))).toMatch(/other users can read this key; run: chmod 600/);
    expect(await refusal(2, mount('--client-cert', cert, '--client-key', wrong))).toMatch(/belongs to another certificate/);
    expect(await refusal(2, mount('--client-cert', cert))).toMatch(/no private key in it/);
    expect(await refusal(2, mount('--client-key', key))).toMatch(/--client-cert/);
    await refusal(4, mount());
    const both = await file(harbour, 'both.pem', `${ann.cert}\n${ann.key}`);
    expect(await mount('--client-cert', both)).toMatchObject({ status: 0 });
    expect((await harbour.umount()).status).toBe(0);
    await succeed('openssl', ['pkcs8', '-topk8', '-in', both, '-out', join(harbour.folder, 'locked.key'), '-passout', 'pass:open sesame']);
    await chmod(join(harbour.folder, 'locked.key'), 0o600);
    const locked = ['--ca-file', ca, '--client-cert', cert, '--client-key', join(harbour.folder, 'locked.key')];
    expect(await refusal(2, mountAt(harbour, origin, locked))).toMatch(/AMARRE_KEY_PASSPHRASE/);
    expect(await refusal(2, mountAt(harbour, origin, locked, { AMARRE_KEY_PASSPHRASE: 'wrong' }))).toMatch(/does not open this key/);
    expect(await mountAt(harbour, origin, locked, { AMARRE_KEY_PASSPHRASE: 'open sesame' })).toMatchObject({ status: 0 });
    expect((await harbour.umount()).status).toBe(0);
  });

  test('a file of authorities that holds none', async () => {
    const harbour = await makeHarbour();
    const ca = await file(harbour, 'company.pem', 'hello');
    expect(await refusal(2, mountAt(harbour, 'https://files.test', ['--ca-file', ca]))).toMatch(/--ca-file .*no certificate in it/);
    expect(await refusal(2, mountAt(harbour, 'https://files.test', ['--ca-file', join(harbour.folder, 'none')]))).toMatch(/--ca-file .*ENOENT/);
  });

  test('a proxy that wants a sign-in, refuses, is not there, or is none', async () => {
    const harbour = await makeHarbour();
    const through = (port: number, user = ''): Promise<ProgramResult> =>
      mountAt(harbour, 'https://files.test', [], { HTTPS_PROXY: `http://${user}127.0.0.1:${port}` });
    const asking = await proxied({ user: 'ann:s3cret', route: () => 0 });
    expect(await refusal(4, through(asking.port))).toMatch(/the proxy 127\.0\.0\.1:\d+ wants another sign-in .*407.*HTTPS_PROXY=/);
    const line = await refusal(4, through(asking.port, 'ann:wr0ng@'));
    expect(line).toMatch(/wants another sign-in/);
    expect(line).not.toContain('wr0ng');
    const page = 'HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<title>Blocked by policy</title>';
    const refusing = await proxied({ route: () => 0, refuse: () => page });
    expect(await refusal(4, through(refusing.port))).toMatch(/refuses the way to files\.test:443 \(status 403: "Blocked by policy"\); NO_PROXY/);
    expect(await refusal(2, mountAt(harbour, 'https://files.test', [], { HTTPS_PROXY: 'socks5://ann:s3cret@h:1' }))).toMatch(/HTTPS_PROXY names a socks5 proxy/);
  });

  test('a proxy that never gets through, and a resolver that hangs: within --connect-timeout', async () => {
    const harbour = await makeHarbour();
    const quick = ['--connect-timeout', '700ms', '--stall-timeout', '700ms'];
    const proxy = await proxied({ route: () => 0, silent: true });
    expect(await refusal(4, mountAt(harbour, 'https://files.test', quick, { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` })))
      .toMatch(/no connection to files\.test within 0\.7 s: still waiting for the proxy 127\.0\.0\.1:\d+ to get through/);

    const hole = createSocket('udp4');
    await new Promise<void>((resolve) => {
      hole.bind(53, '127.0.0.99', resolve);
    });
    cleanUps.push(() => new Promise<void>((resolve) => {
      hole.close(resolve);
    }));
    const resolver = await file(harbour, 'resolv.conf', 'nameserver 127.0.0.99\noptions timeout:10 attempts:1\n', 0o644);
    const words = amarre('mount', 'sftpgo+https://u@nowhere.files.test/', harbour.mountpoint, '--cache-dir', harbour.state, ...quick);
    const hanging = run('unshare', ['-m', 'sh', '-c', 'mount --bind "$0" /etc/resolv.conf && exec "$@"', resolver, ...words], { env: { ...harbour.env, HTTPS_PROXY: '' } });
    expect(await refusal(4, hanging)).toMatch(/within 0\.7 s: still looking up the name nowhere\.files\.test/);
  });
});

test('a clock that is an hour wrong: new files get the server\'s time, the token lasts, a second rsync sends nothing', async () => {
  for (const hours of [1, -1]) {
    const harbour = await makeHarbour();
    const skew = await file(harbour, 'skew.mjs', `
      const Right = Date;
      const wrong = () => Right.now() + ${hours * 3_600_000};
      globalThis.Date = class extends Right {
        constructor(...given) { super(...(given.length === 0 ? [wrong()] : given)); }
        static now() { return wrong(); }
      };
    `);
    expect(await mountAt(harbour, `http://127.0.0.1:${portOf(harbour)}`, [], { NODE_OPTIONS: `--import=${skew}` })).toMatchObject({ status: 0 });
    const before = Math.floor(Date.now() / 1000) * 1000;
    await shell(`
      echo one > "$mnt/new"; mkdir "$mnt/folder"; echo two > "$mnt/folder/touched"; touch "$mnt/folder/touched"
      mkdir "$src"; echo three > "$src/f"; rsync -a "$src/" "$mnt/synced/"
      [ -z "$(rsync -ai "$src/" "$mnt/synced/")" ]
      echo four > "$mnt/new"; [ "$(cat "$mnt/new")" = four ]
    `, { env: { mnt: harbour.mountpoint, src: join(harbour.folder, 'source') } });
    for (const name of ['new', 'folder/touched']) {
      const { mtimeMs } = await stat(join(harbour.root, name));
      expect(mtimeMs, `${name}, ${hours} h`).toBeGreaterThanOrEqual(before - 3_000);
      expect(mtimeMs, `${name}, ${hours} h`).toBeLessThanOrEqual(Date.now() + 3_000);
      expect(Number(await succeed('stat', ['-c', '%Y', join(harbour.mountpoint, name)]))).toBe(Math.floor(mtimeMs / 1000));
    }
    expect((await harbour.control.state()).counts['token']).toBe(1);
    expect((await harbour.umount()).status).toBe(0);
    expect((await readdir(harbour.root)).filter((name) => name.startsWith('.amarre-'))).toEqual([]);
  }
});

test('after a sleep: connections that died unseen are not waited for, a token that ended is renewed, and nobody sees an error', async () => {
  const harbour = await makeHarbour();
  await writeFile(join(harbour.root, 'f'), 'content');
  const line = await startLine(portOf(harbour));
  cleanUps.push(() => line.close());
  const slept = join(harbour.folder, 'slept');
  const sleep = await file(harbour, 'sleep.mjs', `
    import { existsSync } from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    import os from 'node:os';
    const awake = os.uptime;
    os.uptime = () => awake() + (existsSync(${JSON.stringify(slept)}) ? 36_000 : 0);
    syncBuiltinESMExports();
  `);
  // A stall would be waited for longer than the test lasts.
  expect(await mountAt(harbour, `http://127.0.0.1:${line.port}`, ['--dir-ttl', '0s', '--attr-ttl', '0s', '--stall-timeout', '5m'], { NODE_OPTIONS: `--import=${sleep}` }))
    .toMatchObject({ status: 0 });
  expect(await succeed('cat', [join(harbour.mountpoint, 'f')])).toBe('content');
  await harbour.control.resetCounts();
  line.forget();
  await harbour.control.forgetTokens();
  await writeFile(slept, '');
  await shell('[ "$(cat "$mnt/f")" = content ]; ls "$mnt" > /dev/null; echo new > "$mnt/g"', { env: { mnt: harbour.mountpoint } });
  expect(await readFile(join(harbour.root, 'g'), 'utf8')).toBe('new\n');
  const log = await harbour.control.log();
  expect(log.filter(({ status }) => status === 401), 'the token\'s end was known without asking').toEqual([]);
  expect((await harbour.control.state()).counts['token']).toBe(1);
  expect((await harbour.umount()).status).toBe(0);
});
