/** `amarre doctor` as a person runs it, on servers that are well and on servers that are not. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { useHarbour, type Harbour } from '../../support/amarre-mounts.js';
import { makeAuthority, type IssueOptions } from '../../support/certificates.js';
import { amarre } from '../../support/cli.js';
import { untilStalled } from '../../support/control.js';
import { startServer } from '../../support/http-server.js';
import { mountsIn } from '../../support/mount-list.js';
import { begin, eventually } from '../../support/programs.js';
import { startProxy, startTls } from '../../support/wire.js';
import { like } from '../../support/like.js';

const harbour = useHarbour();
const servers: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const findingSchema = z.strictObject({ check: z.string(), verdict: z.enum(['ok', 'warning', 'failed', 'not tried']), found: z.string(), remedy: z.string().optional() });
const reportSchema = z.strictObject({ works: z.boolean(), machine: z.array(findingSchema), remote: z.array(findingSchema) });

interface Examined {
  readonly status: number | undefined;
  readonly report: z.infer<typeof reportSchema>;
  readonly stderr: string;
  /** All but `ok`, by name. */
  readonly wrong: ReadonlyMap<string, z.infer<typeof findingSchema>>;
}

async function examine(drive: Harbour, words: readonly string[], env: NodeJS.ProcessEnv = drive.env): Promise<Examined> {
  const trials = join(drive.folder, 'trials');
  await mkdir(trials, { recursive: true });
  const { status, stdout, stderr } = await drive.run(['doctor', '--json', '--cache-dir', drive.state, ...words], { ...env, TMPDIR: trials });
  expect([await mountsIn(trials), await readdir(trials)]).toEqual([[], []]);
  const report = reportSchema.parse(JSON.parse(stdout));
  const findings = [...report.machine, ...report.remote];
  for (const { verdict, remedy, check } of findings) {
    expect([check, remedy !== undefined]).toEqual([check, verdict === 'warning' || verdict === 'failed']);
  }
  expect(status).toBe(report.works ? 0 : 1);
  return { status, report, stderr, wrong: new Map(findings.filter(({ verdict }) => verdict !== 'ok').map((finding) => [finding.check, finding])) };
}

const as = (drive: Harbour, user: string) => drive.remote.replace('u@', `${user}@`);
/** Dead mounts are the machine's, and another test may have made one. */
const verdicts = ({ wrong }: Examined) => Object.fromEntries([...wrong].filter(([check]) => check !== 'dead mounts').map(([check, { verdict }]) => [check, verdict]));

/** All that stands behind a server that cannot be reached. */
const behind = { 'sign-in': 'not tried', 'clock': 'not tried', 'rights': 'not tried' };

test('this machine alone: it can mount', async () => {
  const drive = await harbour();
  const examined = await examine(drive, []);
  expect(verdicts(examined)).toEqual({});
  expect(examined.report.remote).toEqual([]);
  const checks = examined.report.machine.map(({ check }) => check);
  expect(checks).toEqual(expect.arrayContaining(['Node.js', '/dev/fuse', 'way to mount', 'trial mount', 'state folder', 'dead mounts', 'unsent files']));
});

test('a server that is well: all is found so, and nothing is left there', async () => {
  const drive = await harbour();
  await mkdir(join(drive.root, 'team'));
  const examined = await examine(drive, [`${drive.remote}team`]);
  expect(verdicts(examined)).toEqual({});
  expect(examined.stderr).toContain('which are deleted again (--no-write does without)');
  expect(await readdir(join(drive.root, 'team'))).toEqual([]);
  expect(await readdir(drive.root)).toEqual(['team']);
});

test('for a person it is lines, each with its remedy below, and the last says what comes of it', async () => {
  const drive = await harbour();
  const { status, stdout } = await drive.run(['doctor', as(drive, 'no_copy'), '--cache-dir', drive.state]);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^This machine\n( {2}(ok|warning) .+\n| +→ .+\n)+sftpgo\+http:\/\/127\.0\.0\.1:\d+\n( {2}(ok|warning) .+\n| +→ .+\n)+Mounting works; warnings: .*right: copy\.\n$/);
});

describe('accounts', () => {
  test.each<[string, Record<string, string>]>([
    ['ro', { 'right: upload': 'warning', 'right: create folders': 'warning', 'right: overwrite': 'not tried', 'right: delete': 'not tried', 'right: rename': 'not tried', 'right: set times': 'not tried', 'right: copy': 'not tried' }],
    ['no_rename', { 'right: rename': 'warning' }],
    ['no_overwrite', { 'right: overwrite': 'warning' }],
    ['no_delete', { 'right: delete': 'warning', 'right: create folders': 'not tried', 'right: copy': 'not tried', 'left behind': 'warning' }],
  ])('%s can mount, and is told what is missing', async (user, expected) => {
    const drive = await harbour();
    await writeFile(join(drive.root, 'file'), 'some bytes');
    expect(verdicts(await examine(drive, [as(drive, user)]))).toEqual(expected);
  });

  test('of an operator who offers four services only can mount, and nothing is left there', async () => {
    const drive = await harbour({ refuseOthers: 404 });
    await writeFile(join(drive.root, 'file'), 'some bytes');
    const examined = await examine(drive, [drive.remote, '--profile', 'geredis']);
    expect(examined.status).toBe(0);
    expect(examined.report.remote.find(({ check }) => check === 'right: download')).toEqual({ check: 'right: download', verdict: 'ok', found: 'granted, through streamzip' });
    expect(verdicts(examined)).toMatchObject({ 'ranges': 'warning', 'right: upload': 'not tried' });
    expect(await readdir(drive.root)).toEqual(['file']);
  });

  test('of a letter box, which nobody may look into, can mount', async () => {
    const drive = await harbour({ users: { letters: { rights: ['upload', 'delete'] } } });
    const examined = await examine(drive, [as(drive, 'letters')]);
    expect(examined.status).toBe(0);
    expect(verdicts(examined)).toMatchObject({ 'right: list': 'warning', 'right: download': 'warning' });
    expect(await readdir(drive.root)).toEqual([]);
  });

  test('with --no-write nothing is written', async () => {
    const drive = await harbour();
    await writeFile(join(drive.root, 'file'), 'some bytes');
    const examined = await examine(drive, [drive.remote, '--no-write']);
    expect(Object.values(verdicts(examined))).toEqual(Array(7).fill('not tried'));
    expect(new Set((await drive.control.log()).map(({ method }) => method))).toEqual(new Set(['GET', 'HEAD']));
  });

  test('a wrong password is named, is nowhere repeated, and is tried once', async () => {
    const drive = await harbour();
    const examined = await examine(drive, [drive.remote], { AMARRE_PASSWORD: 'wr0ng-secret' });
    expect(verdicts(examined)).toEqual({ 'sign-in': 'failed', 'rights': 'not tried' });
    expect(JSON.stringify(examined.report) + examined.stderr).not.toContain('wr0ng-secret');
    expect((await drive.control.log()).filter(({ route }) => route === 'token')).toHaveLength(1);
  });

  test('no password at all is named', async () => {
    const drive = await harbour();
    const { wrong } = await examine(drive, [drive.remote], {});
    expect(wrong.get('sign-in')).toMatchObject({ verdict: 'failed', remedy: like('--password-file') });
  });

  test('a folder that is not there is named', async () => {
    const drive = await harbour();
    const { wrong } = await examine(drive, [`${drive.remote}nowhere`]);
    expect(wrong.get('sign-in')).toMatchObject({ verdict: 'failed', found: like('/nowhere'), remedy: like('folder') });
  });
});

describe('the way to the server', () => {
  test('nobody listens', async () => {
    const drive = await harbour();
    await drive.stopServer();
    const examined = await examine(drive, [drive.remote]);
    expect(verdicts(examined)).toEqual({ TCP: 'failed', ...behind });
    expect(examined.wrong.get('TCP')?.found).toContain('refuses connections');
  });

  test('nobody knows the name', async () => {
    const drive = await harbour();
    const examined = await examine(drive, ['sftpgo+https://u@nobody.invalid']);
    expect(verdicts(examined)).toEqual({ DNS: 'failed', TCP: 'not tried', TLS: 'not tried', ...behind });
    expect(examined.wrong.get('DNS')?.found).toContain('nobody.invalid');
  });

  test('what listens does not speak TLS', async () => {
    const drive = await harbour();
    const examined = await examine(drive, [drive.remote.replace('http:', 'https:')]);
    expect(verdicts(examined)).toEqual({ TLS: 'failed', ...behind });
  });

  test('plain http to another machine is not tried with a password', async () => {
    const drive = await harbour();
    const examined = await examine(drive, ['sftpgo+http://u@nobody.invalid']);
    expect(verdicts(examined)).toMatchObject({ 'encryption': 'failed', 'sign-in': 'not tried' });
  });

  test('the server\'s clock is an hour ahead', async () => {
    const drive = await harbour();
    const remote = await through(drive, (headers) => ({ ...headers, date: new Date(Date.now() + 3_600_000).toUTCString() }));
    const examined = await examine(drive, [remote]);
    expect(verdicts(examined)).toEqual({ clock: 'warning' });
    expect(examined.wrong.get('clock')?.found).toMatch(/3(599|600) s ahead/);
  });

  test('a proxy takes Range headers away', async () => {
    const drive = await harbour();
    const remote = await through(drive, (headers) => headers, ['range']);
    const examined = await examine(drive, [remote]);
    expect(verdicts(examined)).toEqual({ ranges: 'warning' });
  });
});

describe('TLS', () => {
  const name = 'files.example.org';

  /** The drive's server behind TLS and behind a proxy that knows the name, and how an examination of it is asked for. */
  async function secured(drive: Harbour, issue: Partial<IssueOptions> = {}, user?: string) {
    const authority = await makeAuthority('A Company');
    const tls = await startTls(Number(new URL(drive.remote.replace(/^sftpgo\+/, '')).port), await authority.issue({ names: [name], to: 100, ...issue }));
    const proxy = await startProxy({ route: () => tls.port, ...(user !== undefined && { user }) });
    servers.push(proxy, tls);
    const file = join(drive.folder, 'authority.pem');
    await writeFile(file, authority.cert);
    return {
      remote: `sftpgo+https://u@${name}/`,
      direct: `sftpgo+https://u@127.0.0.1:${tls.port}/`,
      trusting: ['--ca-file', file],
      env: { ...drive.env, HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` },
    };
  }

  test('through a proxy, by a certificate of an authority that is named: all is well', async () => {
    const drive = await harbour();
    const { remote, trusting, env } = await secured(drive);
    const examined = await examine(drive, [remote, ...trusting], env);
    expect(verdicts(examined)).toEqual({});
    const found = new Map(examined.report.remote.map((finding) => [finding.check, finding.found]));
    expect(found.get('certificate')).toMatch(/^for files\.example\.org by A Company, until \d{4}-\d\d-\d\d$/);
    expect(found.get('proxy')).toContain(env.HTTPS_PROXY);
  });

  test('nobody vouches for the certificate', async () => {
    const drive = await harbour();
    const { remote, env } = await secured(drive);
    const examined = await examine(drive, [remote], env);
    expect(verdicts(examined)).toEqual({ certificate: 'failed', ...behind });
    expect(examined.wrong.get('certificate')?.remedy).toContain('--ca-file');
  });

  test.each<[string, Partial<IssueOptions>, string]>([
    ['has expired', { from: -3, to: -1 }, 'expired'],
    ['is for another name', { names: ['other.example.org'] }, 'other.example.org'],
  ])('the certificate %s', async (_, issue, words) => {
    const drive = await harbour();
    const { remote, trusting, env } = await secured(drive, issue);
    const examined = await examine(drive, [remote, ...trusting], env);
    expect(verdicts(examined)).toEqual({ certificate: 'failed', ...behind });
    expect(examined.wrong.get('certificate')?.found).toContain(words);
  });

  test('the certificate ends soon, of a server that is reached directly', async () => {
    const drive = await harbour();
    const { direct, trusting } = await secured(drive, { names: ['127.0.0.1'], to: 3 });
    expect(verdicts(await examine(drive, [direct, ...trusting]))).toEqual({ certificate: 'warning' });
  });

  test('the proxy wants a password, which nobody repeats', async () => {
    const drive = await harbour();
    const { remote, trusting, env } = await secured(drive, {}, 'ann:right');
    const examined = await examine(drive, [remote, ...trusting], { ...env, HTTPS_PROXY: env.HTTPS_PROXY.replace('//', '//ann:wr0ng-secret@') });
    expect(verdicts(examined)).toEqual({ proxy: 'failed', TLS: 'not tried', ...behind });
    expect(JSON.stringify(examined.report) + examined.stderr).not.toContain('wr0ng-secret');
  });
});

/** The drive's server behind another that changes the headers of its answers, or takes some of a request away. */
async function through(drive: Harbour, change: (headers: NodeJS.Dict<string | string[]>) => NodeJS.Dict<string | string[]>, taken: readonly string[] = []): Promise<string> {
  const target = new URL(drive.remote.replace(/^sftpgo\+/, ''));
  const server = await startServer((asked, answered) => {
    const headers = Object.fromEntries(Object.entries(asked.headers).filter(([name]) => !taken.includes(name)));
    const passed = request({ host: target.hostname, port: target.port, method: asked.method, path: asked.url, headers }, (answer) => {
      answered.sendDate = false;
      answered.writeHead(answer.statusCode ?? 500, change(answer.headers));
      answer.pipe(answered);
    });
    passed.on('error', () => answered.destroy());
    asked.pipe(passed);
  });
  servers.push(server);
  return drive.remote.replace(target.host, new URL(server.origin).host);
}

test('a mount whose process was killed is found, and the files that it could not send', async () => {
  const drive = await harbour();
  await drive.daemon();
  await drive.control.addRule({ route: 'upload', times: 0, action: { kind: 'stall', at: 'request' } });
  const writer = begin('cp', ['/etc/passwd', join(drive.mountpoint, 'file')], {});
  await untilStalled(drive.control);
  for (const pid of await drive.serving()) process.kill(pid, 'SIGKILL');
  await writer.result;
  await drive.control.removeRules();
  const { status, wrong } = await examine(drive, []);
  expect(status).toBe(0);
  expect(wrong.get('dead mounts')).toMatchObject({ verdict: 'warning', found: like(drive.mountpoint), remedy: like(/^amarre umount \//) });
  expect(wrong.get('unsent files')).toMatchObject({ verdict: 'warning', found: like(/^1 file of earlier mounts/) });
  await drive.umount('--cache-dir', drive.state);
});

test('a state folder into which others can look is refused, as mount refuses it', async () => {
  const drive = await harbour();
  await mkdir(drive.state, { mode: 0o755 });
  const examined = await examine(drive, []);
  expect(verdicts(examined)).toEqual({ 'state folder': 'failed' });
  expect(examined.wrong.get('state folder')?.remedy).toBe(`run: chmod 700 '${drive.state}'`);
});

test('Ctrl-C ends it, with nothing left on the server', async () => {
  const drive = await harbour();
  await drive.control.addRule({ route: 'move', action: { kind: 'stall', at: 'request' } });
  const [command, ...parameters] = amarre('doctor', drive.remote, '--cache-dir', drive.state);
  const doctor = begin(command, parameters, { env: drive.env });
  await untilStalled(drive.control);
  expect(await readdir(drive.root)).toHaveLength(1);
  doctor.kill('SIGINT');
  const { status, stderr } = await doctor.result;
  expect([status, stderr]).toEqual([1, like(/amarre: interrupted\n$/)]);
  await eventually('nothing is left', async () => (await readdir(drive.root)).length === 0);
});

test('the password comes from a file, too', async () => {
  const drive = await harbour();
  const file = join(drive.folder, 'password');
  await writeFile(file, `${drive.env['AMARRE_PASSWORD'] ?? ''}\n`, { mode: 0o600 });
  expect(verdicts(await examine(drive, [drive.remote, '--password-file', file], {}))).toEqual({});
});
