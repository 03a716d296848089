/**
 * Interrupts: whoever does not want to wait any longer ends at once, and what was asked of the server
 * for him alone is asked no more.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FaultRule } from '../../../src/emulators/start.js';
import { untilStalled, untilState } from '../../support/control.js';
import { longAgo, usePrepared } from '../../support/prepared.js';
import { begin, eventually, run, succeed, untilOpen, within, type ProgramResult, type RunningProgram } from '../../support/programs.js';

const drive = usePrepared();

/** A program that nobody need wait for ends within this many milliseconds: long before any time-out, and long enough for a machine that is busy. */
const atOnce = 10_000;

const large = randomBytes(3_000_000);
const digest = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Starts a program that will wait at the stall, and ends it by the signal once it does. */
async function interrupted(rule: FaultRule, signal: NodeJS.Signals, command: readonly [string, ...string[]]): Promise<ProgramResult> {
  await drive.control.addRule(rule);
  const [program, ...words] = command;
  const running = begin(program, words);
  await untilStalled(drive.control);
  return endedBy(running, signal);
}

async function endedBy(running: RunningProgram, signal: NodeJS.Signals): Promise<ProgramResult> {
  running.kill(signal);
  return within(atOnce, `the end by ${signal}`, running.result);
}

/** Dies of SIGINT, in fsync, which dd does not. */
const syncing = `import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
descriptor = os.open(sys.argv[1], os.O_WRONLY)
os.write(descriptor, bytes(3000000))
os.fsync(descriptor)`;

/** The file's last RELEASE comes behind its program's end: who opens it before that may be told that what he saw is void. */
async function showsTheOld(file: string): Promise<void> {
  await eventually('the mount shows what the server has', async () => {
    const { status, stdout, stderr } = await run('cat', [file]);
    if (status === 0) expect(stdout).toBe('the old version');
    else expect(stderr).toContain('Stale file handle');
    return status === 0;
  });
}

/** Resolves when the server is asked nothing any more, though the stall still stands. */
const nothingAsked = () => untilState(drive.control, ({ inFlight }) => inFlight === 0, atOnce);

/**
 * Resolves when the server has seen every upload broken off, while the stall still stands: a program may end
 * before its mount has heard of it, and a server that goes on meanwhile would finish.
 */
async function uploadAborted(): Promise<void> {
  await nothingAsked();
  const ends = (await drive.control.log()).filter(({ route }) => route === 'upload').map(({ end }) => end);
  expect(new Set(ends)).toEqual(new Set(['broken']));
}

describe('a reader of a file that stalls', () => {
  test.each([
    { signal: 'SIGINT', at: 0 }, { signal: 'SIGINT', at: 1_500_000 }, { signal: 'SIGTERM', at: 1_500_000 }, { signal: 'SIGKILL', at: 1_500_000 },
  ] as const)('ends by $signal, with $at bytes there, and the request is aborted', async ({ signal, at }) => {
    const place = await drive.prepared({ f: large });
    const result = await interrupted(
      { route: 'get', times: 0, action: { kind: 'stall', at: 'responseBody', afterBytes: at } }, signal, ['cat', place.at('f')],
    );
    expect(result.signal).toBe(signal);
    await nothingAsked();
    await drive.control.removeRules();
    expect(await shaOf(place.at('f'))).toBe(digest(large));
  });

  test('goes alone: another who reads the same file gets it whole', async () => {
    const place = await drive.prepared({ f: large });
    await drive.control.addRule({ route: 'get', action: { kind: 'stall', at: 'responseBody', afterBytes: 100_000 } });
    const [impatient, patient] = [begin('cat', [place.at('f')]), begin('sha256sum', [place.at('f')])];
    await untilStalled(drive.control);
    await waitsInKernel(patient);
    expect((await endedBy(impatient, 'SIGINT')).signal).toBe('SIGINT');
    await drive.control.removeRules();
    expect((await patient.result).stdout.split(' ')[0]).toBe(digest(large));
  });

  test.each([
    { age: 'old', modified: longAgo }, { age: 'so fresh that another open must not trust what this one read', modified: undefined },
  ])('does not keep another from opening the file, one that is $age, and from going again', async ({ modified }) => {
    const place = await drive.prepared();
    await place.put('f', large, modified ?? new Date());
    await drive.control.addRule({ route: 'get', times: 0, action: { kind: 'stall', at: 'responseBody', afterBytes: 1_500_000 } });
    const first = begin('cat', [place.at('f')]);
    await untilStalled(drive.control);
    const second = begin('cat', [place.at('f')]);
    await untilOpen(second, place.at('f'));
    expect((await endedBy(second, 'SIGINT')).signal).toBe('SIGINT');
    expect((await endedBy(first, 'SIGINT')).signal).toBe('SIGINT');
    await nothingAsked();
  });

  test('who shares his descriptor with another process: the other\'s close does not cancel what he reads', async () => {
    const place = await drive.prepared({ f: large });
    await drive.control.addRule({ route: 'get', action: { kind: 'stall', at: 'responseBody', afterBytes: 0 } });
    const fork = `import os, sys
descriptor = os.open(sys.argv[1], os.O_RDONLY)
child = os.fork()
if child == 0:
    os.write(1, os.read(descriptor, 100).hex().encode())
    os._exit(0)
sys.stdin.read()
os.close(descriptor)
print(os.waitpid(child, 0)[1])`;
    // The parent closes when its input ends, which is at once: the child reads by then or will.
    const family = begin('python3', ['-c', fork, place.at('f')]);
    await untilStalled(drive.control);
    await drive.control.removeRules();
    expect(await family.result).toMatchObject({ status: 0, stdout: `${large.subarray(0, 100).toString('hex')}0\n` });
  });

  test('keeps nobody else waiting: other files are read and listed meanwhile', async () => {
    const place = await drive.prepared({ f: large, g: 'other' });
    await drive.control.addRule({ route: 'get', path: '/' + place.server.split('/').slice(-1).join('') + '/f', times: 0, action: { kind: 'stall', at: 'request' } });
    const readers = Array.from({ length: 10 }, () => begin('cat', [place.at('f')]));
    await untilStalled(drive.control);
    expect(await succeed('cat', [place.at('g')])).toBe('other');
    expect(await succeed('ls', [place.mount])).toBe('f\ng\n');
    const results = await Promise.all(readers.map((reader) => endedBy(reader, 'SIGINT')));
    expect(results.map(({ signal }) => signal)).toEqual(readers.map(() => 'SIGINT'));
    await nothingAsked();
  });
});

describe('Ctrl-C on what waits for a listing', () => {
  test('ls ends, and the request is aborted', async () => {
    const place = await drive.prepared({ f: 'x' });
    const result = await interrupted({ route: 'list', times: 0, action: { kind: 'stall', at: 'request' } }, 'SIGINT', ['ls', place.mount]);
    expect(result.signal).toBe('SIGINT');
    await nothingAsked();
    await drive.control.removeRules();
    expect(await succeed('ls', [place.mount])).toBe('f\n');
  });

  test('in the middle of the answer: never a shorter folder', async () => {
    const place = await drive.prepared({ a: 'x', b: 'x', c: 'x' });
    const result = await interrupted({ route: 'list', action: { kind: 'stall', at: 'responseBody', afterBytes: 60 } }, 'SIGINT', ['ls', place.mount]);
    expect([result.signal, result.stdout]).toEqual(['SIGINT', '']);
    await nothingAsked();
    expect(await succeed('ls', [place.mount])).toBe('a\nb\nc\n');
  });
});

describe('Ctrl-C in close() and fsync()', () => {
  test.each([
    { what: 'in the middle of the upload', rule: { route: 'upload', times: 0, action: { kind: 'stall', at: 'uploadBody', afterBytes: 1_000_000 } }, aborted: uploadAborted },
    { what: 'while the server works at it', rule: { route: 'upload', times: 0, action: { kind: 'stall', at: 'answer' } }, aborted: uploadAborted },
    { what: 'while it is looked at', rule: { route: 'head', pathMatches: '/\\.amarre-', times: 0, action: { kind: 'stall', at: 'request' } }, aborted: nothingAsked },
  ] as const)('cp over an existing file ends $what: the old version is whole, the request aborted', async ({ rule, aborted }) => {
    const place = await drive.prepared({ f: 'the old version' });
    const source = join(place.local, 'source');
    await writeFile(source, large);
    const result = await interrupted(rule, 'SIGINT', ['cp', source, place.at('f')]);
    expect(result.signal).toBe('SIGINT');
    expect(await place.onServer('f')).toBe('the old version');
    await aborted();
    await drive.control.removeRules();
    await showsTheOld(place.at('f'));
    expect(await succeed('cp', [source, place.at('f')])).toBe('');
    expect(await shaOf(join(place.server, 'f'))).toBe(digest(large));
  });

  test('cp of a new file ends: nothing stands under its name', async () => {
    const place = await drive.prepared();
    const source = join(place.local, 'source');
    await writeFile(source, large);
    const result = await interrupted(
      { route: 'upload', times: 0, action: { kind: 'stall', at: 'uploadBody', afterBytes: 1_000_000 } }, 'SIGINT', ['cp', source, place.at('new')],
    );
    expect(result.signal).toBe('SIGINT');
    await uploadAborted();
    expect((await readdir(place.server)).filter((name) => !name.startsWith('.amarre-'))).toEqual([]);
    expect(await succeed('ls', [place.mount])).toBe('');
  });

  test('once the move over the old file has been sent, it is seen through: the new version, whole', async () => {
    const place = await drive.prepared({ f: 'the old version' });
    const source = join(place.local, 'source');
    await writeFile(source, large);
    const id = await drive.control.addRule({ route: 'move', action: { kind: 'stall', at: 'request' } });
    const copying = begin('cp', [source, place.at('f')]);
    await untilStalled(drive.control);
    copying.kill('SIGINT');
    expect(await place.onServer('f')).toBe('the old version');
    await drive.control.removeRules(id);
    expect((await within(atOnce, 'the end', copying.result)).signal).toBe('SIGINT');
    await nothingAsked();
    expect(await shaOf(join(place.server, 'f'))).toBe(digest(large));
    expect(await shaOf(place.at('f'))).toBe(digest(large));
  });

  test('fsync ends, too', async () => {
    const place = await drive.prepared({ f: 'the old version' });
    const result = await interrupted(
      { route: 'upload', times: 0, action: { kind: 'stall', at: 'uploadBody', afterBytes: 1_000_000 } }, 'SIGINT',
      ['python3', '-c', syncing, place.at('f')],
    );
    expect(result.signal).toBe('SIGINT');
    expect(await place.onServer('f')).toBe('the old version');
    await uploadAborted();
  });
});

describe('Ctrl-C on what changes names', () => {
  test.each([
    { route: 'move', words: ['mv', '-T', 'f', 'g'] }, { route: 'delete', words: ['rm', 'f'] },
    { route: 'mkdir', words: ['mkdir', 'd'] }, { route: 'metadata', words: ['touch', '-d', '2001-01-01', 'f'] },
  ] as const)('$words ends, and what was not done is not shown as done', async ({ route, words }) => {
    const place = await drive.prepared({ f: 'x' });
    const result = await interrupted(
      { route, times: 0, action: { kind: 'stall', at: 'request' } }, 'SIGINT', ['bash', '-c', 'cd "$0"; exec "$@"', place.mount, ...words],
    );
    expect(result.signal).toBe('SIGINT');
    await nothingAsked();
    await drive.control.removeRules();
    expect(await readdir(place.server)).toEqual(['f']);
    expect(await succeed('ls', [place.mount])).toBe('f\n');
    expect(await run('cat', [place.at('f')])).toMatchObject({ status: 0, stdout: 'x' });
  });
});

async function shaOf(path: string): Promise<string> {
  return (await succeed('sha256sum', [path])).split(' ')[0] ?? '';
}

/** Waits until a program sleeps in a read of the mount. */
async function waitsInKernel(program: RunningProgram): Promise<void> {
  const look = `until grep -q folio /proc/${program.pid}/wchan || grep -q fuse /proc/${program.pid}/wchan; do sleep 0.01; done`;
  await succeed('bash', ['-c', look]);
}
