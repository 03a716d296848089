/**
 * What a person has when the platform fails him: programs that say so, and the bytes that were there
 * before. Real tools on a mount, the server's disk looked at afterwards.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Harbour } from '../../support/amarre-mounts.js';
import { useHarbour } from '../../support/amarre-mounts.js';
import { untilState, untilStalled } from '../../support/control.js';
import { begin, eventually, refused, run, succeed } from '../../support/programs.js';

const harbour = useHarbour();

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A mount whose errors come soon, over the files given. */
async function mounted(files: Readonly<Record<string, string | Uint8Array>>, ...options: readonly string[]): Promise<Harbour> {
  const drive = await harbour();
  for (const [name, content] of Object.entries(files)) await writeFile(join(drive.root, name), content);
  await drive.daemon('--stall-timeout', '2s', '--server-timeout', '5s', ...options);
  return drive;
}

/** What everybody sees on the server. */
async function shown(drive: Harbour): Promise<string[]> {
  return (await readdir(drive.root)).filter((name) => !name.startsWith('.amarre-')).sort();
}

/** As another of the server's users. */
function as(drive: Harbour, user: string): string {
  return drive.remote.replace('//u@', `//${user}@`);
}

describe('uploads that fail', () => {
  test('refused after echo x > old: the old bytes stay, the content is kept, told at unmount, and sent by the next mount', async () => {
    const drive = await mounted({ old: 'the old bytes\n' });
    await drive.control.addRule({ route: 'upload', times: 0, action: { kind: 'answer', status: 413, body: { error: 'quota' } } });
    // The shell closes by dup2, which tells no error; a program that closes does (the next test).
    await run('bash', ['-c', `echo x > ${drive.mountpoint}/old`]);
    expect(await readFile(join(drive.root, 'old'), 'utf8')).toBe('the old bytes\n');
    // Until its RELEASE, which comes behind the shell's end, the drive shows what was written.
    await eventually('the drive shows the old bytes', async () => await succeed('cat', [join(drive.mountpoint, 'old')]) === 'the old bytes\n');
    const unmounted = await drive.umount();
    expect(unmounted.status).toBe(6);
    const kept = /kept in (\S+)/.exec(unmounted.stderr + unmounted.stdout)?.[1] ?? '';
    expect(await readFile(kept, 'utf8')).toBe('x\n');
    expect(await shown(drive)).toEqual(['old']);

    await drive.control.removeRules();
    await drive.daemon();
    await eventually('the kept file is sent', async () => await readFile(join(drive.root, 'old'), 'utf8') === 'x\n');
    expect((await drive.umount()).status).toBe(0);
    await expect(readFile(kept)).rejects.toThrow('ENOENT');
  });

  test('the quota is full: cp fails at its close, nothing half is left, the older version is whole', async () => {
    const drive = await harbour({ quotaBytes: 300_000 });
    await writeFile(join(drive.root, 'old'), 'old');
    await drive.daemon('--stall-timeout', '2s');
    const source = join(drive.folder, 'large');
    await writeFile(source, randomBytes(500_000));
    expect(await refused('cp', [source, join(drive.mountpoint, 'new')])).toMatch(/quota/i);
    expect(await refused('cp', [source, join(drive.mountpoint, 'old')])).toMatch(/quota/i);
    expect(await shown(drive)).toEqual(['old']);
    expect(await readFile(join(drive.root, 'old'), 'utf8')).toBe('old');
    expect((await drive.umount()).status).toBe(6);
  });

  test('the server gone in the middle of a cp: cp fails, the old version is whole, and what was hidden is cleaned by the next mount', async () => {
    const drive = await mounted({ old: 'whole' });
    const source = join(drive.folder, 'source');
    const content = randomBytes(3_000_000);
    await writeFile(source, content);
    await drive.control.addRule({ route: 'upload', times: 0, action: { kind: 'stall', at: 'uploadBody', afterBytes: 1_000_000 } });
    const copy = begin('cp', [source, join(drive.mountpoint, 'old')], { deadline: 40_000 });
    await untilStalled(drive.control);
    await drive.stopServer();
    const result = await copy.result;
    expect(result.status).toBe(1);
    expect(await readFile(join(drive.root, 'old'), 'utf8')).toBe('whole');
    expect(await shown(drive)).toEqual(['old']);
    await drive.startServer();
    const unmounted = await drive.umount();
    expect([unmounted.status, unmounted.stderr]).toEqual([6, expect.stringContaining('/old')]);
    await drive.daemon();
    // The version that it was made from is still there: the kept copy takes its place.
    await eventually('the kept copy is sent', async () => digest(await readFile(join(drive.root, 'old'))) === digest(content));
    await succeed('ls', [drive.mountpoint]);
    await eventually('nothing hidden is left', async () => (await readdir(drive.root)).join() === 'old');
    expect((await drive.umount()).status).toBe(0);
  });

  test('kill -9 in the middle of an upload: the old version is whole, what was staged is told', async () => {
    const drive = await mounted({ old: 'whole' });
    const source = join(drive.folder, 'source');
    await writeFile(source, randomBytes(3_000_000));
    await drive.control.addRule({ route: 'upload', times: 0, action: { kind: 'stall', at: 'uploadBody', afterBytes: 1_000_000 } });
    const copy = begin('cp', [source, join(drive.mountpoint, 'old')]);
    await untilStalled(drive.control);
    for (const pid of await drive.serving()) process.kill(pid, 'SIGKILL');
    expect((await copy.result).status).toBe(1);
    await drive.control.removeRules();
    expect(await readFile(join(drive.root, 'old'), 'utf8')).toBe('whole');
    expect(await refused('ls', [drive.mountpoint])).toContain('not connected');
    const again = await drive.daemon();
    expect(again.stderr).toMatch(/dead mount|detached/);
    expect(again.stderr).toContain('/old');
    expect(await succeed('cat', [join(drive.mountpoint, 'old')])).toBe('whole');
    await eventually('nothing hidden is left', async () => (await readdir(drive.root)).join() === 'old');
    await drive.umount();
  });
});

describe('reads that fail', () => {
  test('the token ends in the middle of a read: it goes on after one renewal', async () => {
    const content = randomBytes(24_000_000);
    const drive = await mounted({ big: content });
    await succeed('head', ['-c', '100000', join(drive.mountpoint, 'big')]);
    const before = (await drive.control.state()).counts['token'] ?? 0;
    await drive.control.forgetTokens();
    expect((await succeed('sha256sum', [join(drive.mountpoint, 'big')])).split(' ')[0]).toBe(digest(content));
    expect((await drive.control.state()).counts['token']).toBe(before + 1);
    await drive.umount();
  });

  test('a body that breaks off goes on where it broke, or fails: never short bytes with success', async () => {
    const content = randomBytes(5_000_000);
    const drive = await mounted({ big: content });
    await drive.control.addRule({ route: 'get', times: 2, action: { kind: 'cutResponse', afterBytes: 300_000 } });
    expect((await succeed('sha256sum', [join(drive.mountpoint, 'big')])).split(' ')[0]).toBe(digest(content));
    await drive.control.addRule({ route: 'get', times: 0, action: { kind: 'cutResponse', afterBytes: 0 } });
    await writeFile(join(drive.root, 'other'), content);
    const read = await run('dd', [`if=${join(drive.mountpoint, 'big')}`, 'iflag=direct', 'of=/dev/null', 'bs=1M'], { deadline: 30_000 });
    if (read.status === 0) expect(read.stderr).toContain('5000000 bytes');
    else expect(read.stderr).toMatch(/Input\/output error|timed out/i);
    await drive.umount();
  });

  test('an error page with status 200 never becomes content', async () => {
    const drive = await mounted({ file: 'the real content' });
    await drive.control.addRule({ route: 'get', times: 0, action: {
      kind: 'answer', status: 200, headers: { 'content-type': 'text/html' }, body: '<html>the proxy is down</html>',
    } });
    expect(await refused('cat', [join(drive.mountpoint, 'file')])).toContain('Input/output error');
    await drive.control.removeRules();
    expect(await succeed('cat', [join(drive.mountpoint, 'file')])).toBe('the real content');
    await drive.umount();
  });
});

describe('names that the platform cannot tell', () => {
  test('a listing that is cut off is an error, and never a short or empty folder', async () => {
    const names = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`file-${i}`, 'x']));
    const drive = await mounted(names);
    await drive.control.addRule({ route: 'list', times: 0, action: { kind: 'cutResponse', afterBytes: 200 } });
    const listed = await run('ls', [drive.mountpoint], { deadline: 30_000 });
    expect(listed.stderr).toMatch(/Input\/output error|timed out/i);
    expect([listed.stdout, listed.status]).toEqual(['', 2]);
    await drive.control.removeRules();
    expect((await succeed('ls', [drive.mountpoint])).trim().split('\n')).toHaveLength(200);
    await drive.umount();
  });

  test('404 is ENOENT; a time-out, a 503 and a closed connection are not', async () => {
    const drive = await mounted({ there: 'x' });
    expect(await refused('stat', [join(drive.mountpoint, 'not-there')])).toContain('No such file');
    await drive.umount();
    for (const action of [
      { kind: 'stall', at: 'request' } as const, { kind: 'answer', status: 503 } as const, { kind: 'close' } as const,
    ]) {
      await drive.daemon('--stall-timeout', '1s', '--dir-ttl', '0s', '--attr-ttl', '0s');
      await drive.control.addRule({ route: 'list', times: 0, action });
      const complaint = await refused('stat', [join(drive.mountpoint, 'there')], { deadline: 30_000 });
      expect(complaint).toMatch(/Input\/output error|timed out/i);
      expect(complaint).not.toContain('No such file');
      await drive.control.removeRules();
      // It recovers without a new mount.
      expect(await succeed('cat', [join(drive.mountpoint, 'there')])).toBe('x');
      await drive.umount();
    }
  });

  test('df and what is cached need no server', async () => {
    const drive = await mounted({ there: 'x' }, '--dir-ttl', '1m', '--attr-ttl', '1m');
    await succeed('ls', ['-l', drive.mountpoint]);
    await drive.stopServer();
    await succeed('df', [drive.mountpoint], { deadline: 3000 });
    expect(await succeed('ls', [drive.mountpoint], { deadline: 3000 })).toBe('there\n');
    await drive.startServer();
    await drive.umount();
  });
});

describe('no permission', () => {
  test.each([
    ['no_upload', 'cp', ['/etc/hostname', 'new']],
    ['no_delete', 'rm', ['old']],
    ['no_create_dirs', 'mkdir', ['new']],
    ['no_rename', 'mv', ['old', 'new']],
    ['ro', 'cp', ['/etc/hostname', 'old']],
    ['no_download', 'cat', ['old']],
  ])('%s: %s is refused as such, and the server is as it was', async (user, command, words) => {
    const drive = await harbour();
    await writeFile(join(drive.root, 'old'), 'old');
    const started = await drive.run(['mount', as(drive, user), drive.mountpoint, '--cache-dir', drive.state, '--daemon']);
    expect([started.status, started.stderr]).toEqual([0, '']);
    const parameters = words.map((word) => (word.startsWith('/') ? word : join(drive.mountpoint, word)));
    expect(await refused(command, parameters)).toMatch(/Permission denied|Operation not permitted/);
    expect(await shown(drive)).toEqual(['old']);
    expect(await readFile(join(drive.root, 'old'), 'utf8')).toBe('old');
    await drive.umount();
  });
});

/** Each changes the one file `target` (and no other name), from `before` to `after`. */
const operations: readonly { name: string; before: string | undefined; after: string | undefined; command: (target: string, source: string) => readonly [string, readonly string[]] }[] = [
  { name: 'cp over a file', before: 'old', after: 'new content', command: (target, source) => ['cp', [source, target]] },
  { name: 'cp of a new file', before: undefined, after: 'new content', command: (target, source) => ['cp', [source, target]] },
  { name: 'rm', before: 'old', after: undefined, command: (target) => ['rm', [target]] },
  { name: 'truncate', before: 'old and long', after: 'old', command: (target) => ['truncate', ['-s', '3', target]] },
  { name: 'an append', before: 'old', after: 'oldnew content', command: (target, source) => ['bash', ['-c', `cat ${source} >> ${target}`]] },
];

describe('a fault at any request of an operation leaves the old or the new, and a status that says which', () => {
  test.each(operations)('$name', async ({ before, after, command }) => {
    const drive = await mounted({ source: 'new content' }, '--dir-ttl', '0s', '--attr-ttl', '0s');
    const source = join(drive.folder, 'source');
    await writeFile(source, 'new content');
    const trial = async (name: string, arm: () => Promise<void>): Promise<void> => {
      if (before !== undefined) await writeFile(join(drive.root, name), before);
      await succeed('ls', [drive.mountpoint]);
      await arm();
      const [program, parameters] = command(join(drive.mountpoint, name), source);
      const { status } = await run(program, parameters, { deadline: 40_000 });
      // A file that is let go is sent, parked or cleaned behind the close.
      await untilState(drive.control, ({ inFlight }) => inFlight === 0);
      await drive.control.removeRules();
      const there = await readFile(join(drive.root, name), 'utf8').catch(() => undefined);
      if (status === 0) expect([name, there]).toEqual([name, after]);
      else expect([before, after], `${name}: ${String(there)}`).toContain(there);
    };
    await drive.control.resetCounts();
    await trial('clean', () => Promise.resolve());
    const { total } = await drive.control.state();
    expect(total).toBeGreaterThan(1);
    for (let skip = 0; skip < total; skip += 1) {
      for (const action of [{ kind: 'close' } as const, { kind: 'loseAnswer' } as const, { kind: 'answer', status: 500 } as const]) {
        await trial(`fault-${skip}-${action.kind}`, async () => { await drive.control.addRule({ skip, action }); });
      }
    }
    const names = (await shown(drive)).filter((name) => !/^(source|clean|fault-\d+-\w+)$/.test(name));
    expect(names).toEqual([]);
    await drive.umount();
    expect((await stat(drive.root)).isDirectory()).toBe(true);
  });
});
