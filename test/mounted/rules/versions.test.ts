/**
 * Which version of a file a program gets on a mount: from the listing, from the kernel's pages, from
 * the platform; and what it gets when the file is replaced meanwhile.
 */
import { rename, rm, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { can } from '../../support/driver.js';
import { useDictated, type Dictated } from '../../support/dictated.js';
import { longAgo, usePrepared, type PreparedPlace } from '../../support/prepared.js';
import { begin, eventually, run, succeed } from '../../support/programs.js';

const drive = usePrepared();
const dictated = useDictated();

const MiB = 1 << 20;
const filled = (letter: string, size: number): string => letter.repeat(size);
const later = (seconds: number): Date => new Date(longAgo.getTime() + seconds * 1000);

/** Replaces a file on the server's disk: by another in one step, or by writing over it. */
const replacements = {
  'a move over it': async (place: PreparedPlace, content: string, modified: Date) => {
    await place.put('aside', content, modified);
    await rename(join(place.server, 'aside'), join(place.server, 'f'));
  },
  'an overwrite in place': (place: PreparedPlace, content: string, modified: Date) => place.put('f', content, modified),
} as const;

async function gets(): Promise<number> {
  return (await drive.control.state()).counts['get'] ?? 0;
}

/** What can be read from here on, and the errno that ended it, if one did. */
async function readOn(program: Dictated, descriptor: number): Promise<{ readonly bytes: string; readonly end: string }> {
  let bytes = '';
  for (;;) {
    const piece = await program.read(descriptor, 1 << 18).catch((error: unknown) => error);
    if (piece instanceof Error) return { bytes, end: piece.message };
    if (piece === '') return { bytes, end: 'end of file' };
    bytes += String(piece);
  }
}

describe('the kernel\'s pages', () => {
  test('are kept across opens while the version is the same: a second cat asks for nothing', async () => {
    const place = await drive.prepared({ f: filled('a', 3 * MiB) });
    expect(await succeed('cat', [place.at('f')])).toHaveLength(3 * MiB);
    expect(await gets()).toBeGreaterThan(0);
    await drive.control.resetCounts();
    expect(await succeed('cat', [place.at('f')])).toHaveLength(3 * MiB);
    expect(await gets() === 0).toBe(can.keepsPages);
  });

  test('hold what was just written: reading it back asks for nothing', async () => {
    const place = await drive.prepared();
    const program = dictated();
    const descriptor = await program.open(place.at('f'), 'os.O_RDWR|os.O_CREAT');
    await program.call('write', descriptor, filled('a', 100_000));
    await program.call('fsync', descriptor);
    expect(await program.call('pread', descriptor, 100_000, 0)).toBe(filled('a', 100_000));
    await program.close(descriptor);
    expect(await gets()).toBe(0);
  });
});

describe('OPEN', () => {
  test('costs no request', async () => {
    const place = await drive.prepared({ f: 'x' });
    await succeed('ls', ['-l', place.mount]);
    await drive.control.resetCounts();
    const program = dictated();
    await program.close(await program.open(place.at('f')));
    await program.close(await program.open(place.at('f'), 'os.O_RDWR'));
    // What tests before this one left to be done is not about this place.
    const asked = (await drive.control.log()).filter(({ path }) => path?.startsWith(`/${basename(place.mount)}`));
    expect(asked).toEqual([]);
  });
});

describe('a stale listing is corrected, not an error', () => {
  test.each([{ to: 'longer', content: filled('b', 5000) }, { to: 'shorter', content: 'b' }, { to: 'empty', content: '' }])(
    'by the first read: the file became $to', async ({ content }) => {
      const place = await drive.prepared({ f: filled('a', 3000) });
      expect(await place.shell('stat -c %s f')).toBe('3000\n');
      await place.put('f', content, later(10));
      // The size that the kernel believes in may be of before for one more read.
      await eventually('the new bytes are read', async () => {
        const { status, stdout } = await run('cat', [place.at('f')]);
        expect([status, content.startsWith(stdout) || stdout === filled('a', 3000).slice(0, stdout.length)]).toEqual([0, true]);
        expect(stdout.includes('a') && stdout.includes('b')).toBe(false);
        return stdout === content;
      });
      expect(await place.shell('stat -c %s f')).toBe(`${content.length}\n`);
    },
  );

  test('a file that is gone is not served from what was believed of it', async () => {
    const place = await drive.prepared({ f: 'a' });
    expect(await place.shell('stat -c %s f')).toBe('1\n');
    await rm(join(place.server, 'f'));
    const { status, stdout } = await run('cat', [place.at('f')]);
    expect([status, stdout]).toEqual([1, '']);
    expect(await succeed('ls', [place.mount])).toBe('');
  });
});

describe('promise 3: a read returns bytes of one version', () => {
  test.each(Object.entries(replacements))('a reader overtaken by %s: what he still gets is of the old version, then ESTALE; opened again, the new one', async (_how, replace) => {
    const place = await drive.prepared({ f: filled('a', 12 * MiB) });
    const program = dictated();
    const descriptor = await program.open(place.at('f'));
    expect(await program.read(descriptor, 10)).toBe(filled('a', 10));
    await replace(place, filled('b', 12 * MiB), later(10));
    const { bytes, end } = await readOn(program, descriptor);
    expect(end).toBe('ESTALE');
    expect(bytes === filled('a', bytes.length)).toBe(true);
    expect(await program.refused('pread', descriptor, 10, 11 * MiB)).toBe('ESTALE');
    if (!can.readsPastPages) {
      expect(await program.refused('open', place.at('f'), 'os.O_RDONLY')).toBe('EBUSY');
      await program.close(descriptor);
    }
    const again = await program.open(place.at('f'));
    const anew = await readOn(program, again);
    expect([anew.end, anew.bytes === filled('b', 12 * MiB)]).toEqual(['end of file', true]);
    if (can.readsPastPages) await program.close(descriptor);
    await program.close(again);
  });

  test('he reads at the place where the file ends now, and beyond: ESTALE, never an early end', async () => {
    const place = await drive.prepared({ f: filled('a', 12 * MiB) });
    const program = dictated();
    const descriptor = await program.open(place.at('f'));
    expect(await program.read(descriptor, 10)).toBe(filled('a', 10));
    await place.put('f', 'short', later(10));
    expect(await program.refused('pread', descriptor, 10, 8 * MiB)).toBe('ESTALE');
    await program.close(descriptor);
  });

  test('the file is deleted under him: ESTALE', async () => {
    const place = await drive.prepared({ f: filled('a', 12 * MiB) });
    const program = dictated();
    const descriptor = await program.open(place.at('f'));
    expect(await program.read(descriptor, 10)).toBe(filled('a', 10));
    await rm(join(place.server, 'f'));
    expect(await program.refused('pread', descriptor, 10, 8 * MiB)).toBe('ESTALE');
    await program.close(descriptor);
  });

  test('no reader of many gets two versions while the file is replaced again and again', async () => {
    const size = 2 * MiB + 1;
    const place = await drive.prepared({ f: filled('a', size) });
    const ended = new AbortController();
    const letters = 'bcdefghijklmnopqrstuvwxyz';
    const replacing = (async () => {
      for (let i = 0; !ended.signal.aborted; i += 1) {
        await replacements['a move over it'](place, filled(letters[i % letters.length] ?? '', size), later(i + 10));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    // Each output is one letter throughout, of full length; a reader may fail, and then must have said so.
    const judge = `for i in $(seq 8); do
  if cat "$0" > "$1"; then
    test "$(wc -c < "$1")" = ${size} || echo "short: $(wc -c < "$1")"
    test "$(tr -s a-z < "$1" | wc -c)" = 1 || echo "spliced: $(tr -s a-z < "$1")"
    echo read
  fi
done 2>&1`;
    const readers = Array.from({ length: 4 }, (_, i) => begin('bash', ['-c', judge, place.at('f'), join(place.local, String(i))]));
    const results = await Promise.all(readers.map((reader) => reader.result));
    ended.abort();
    await replacing;
    const said = results.flatMap(({ stdout }) => stdout.split('\n')).filter((line) => line !== '');
    const told = can.readsPastPages ? /Stale file handle$/ : /(Stale file handle|Device or resource busy|No such file or directory)$/;
    const wrong = said.filter((line) => line !== 'read' && !told.test(line));
    // A driver that cannot read past the kernel's pages is documented to mix two versions now and then: never more nor fewer bytes.
    expect(wrong.filter((line) => can.readsPastPages || !/^spliced: [a-z]+$/.test(line))).toEqual([]);
    expect(said.length - wrong.length).toBe(32);
    expect(said).toContain('read');
  });
});

describe('a version less than 2 s old is not settled', () => {
  test('the next open reads it again: the same size and second may be other bytes', async () => {
    const place = await drive.prepared();
    const now = new Date();
    await place.put('f', 'aaa', now);
    expect(await succeed('cat', [place.at('f')])).toBe('aaa');
    await place.put('f', 'bbb', now);
    expect(await succeed('cat', [place.at('f')])).toBe('bbb');
  });

  test('also while somebody else has it open, who keeps what he has read', async () => {
    const place = await drive.prepared();
    const now = new Date();
    await place.put('f', 'aaa', now);
    const program = dictated();
    const descriptor = await program.open(place.at('f'));
    expect(await program.read(descriptor, 1)).toBe('a');
    await place.put('f', 'bbb', now);
    expect(await succeed('cat', [place.at('f')])).toBe('bbb');
    // Within the precision of the version, the pages are all that a driver may have to show.
    expect(await program.read(descriptor, 10)).toBe(can.readsPastPages ? 'aa' : 'bb');
    await program.close(descriptor);
  });

  test('an append to it fetches it anew', async () => {
    const place = await drive.prepared();
    const now = new Date();
    await place.put('f', 'aaa', now);
    expect(await succeed('cat', [place.at('f')])).toBe('aaa');
    await place.put('f', 'bbb', now);
    await place.shell('printf c >> f');
    expect(await place.onServer('f')).toBe('bbbc');
  });

  test('appends from here and from another machine, in turn and without a pause, are all there', async () => {
    const place = await drive.prepared({ log: '' });
    const program = dictated();
    const open = await program.open(place.at('log'), 'os.O_WRONLY | os.O_APPEND');
    let lines = '';
    const others = async (line: string): Promise<void> => await place.put('log', lines += line, later(lines.length));
    for (let i = 0; i < 5; i += 1) {
      expect(await place.shell('cat log')).toBe(lines);
      await others(`theirs ${String(i)}\n`);
      await place.shell(`echo ours ${String(i)} >> log`);
      lines += `ours ${String(i)}\n`;
      expect(await place.onServer('log')).toBe(lines);
      await others(`theirs again ${String(i)}\n`);
      await program.call('write', open, 'kept open\n');
      await program.call('fsync', open);
      lines += 'kept open\n';
      expect(await place.onServer('log')).toBe(lines);
    }
    await program.close(open);
    expect(await place.shell('cat log')).toBe(lines);
  });
});

describe('what changed on the server', () => {
  test('shows when --dir-ttl has passed, in sizes, names and bytes; until then nothing is asked', async () => {
    await drive.remount('--dir-ttl', '2s', '--attr-ttl', '100ms');
    const place = await drive.prepared({ f: 'old', gone: 'x' });
    expect(await succeed('ls', [place.mount])).toBe('f\ngone\n');
    await drive.control.resetCounts();
    await place.put('f', 'newer', later(10));
    await place.put('new', 'new');
    await rm(join(place.server, 'gone'));
    expect(await succeed('ls', [place.mount])).toBe('f\ngone\n');
    expect((await drive.control.state()).total).toBe(0);
    await eventually('it shows', async () => await succeed('ls', [place.mount]) === 'f\nnew\n');
    await eventually('its attributes too', async () => await place.shell('stat -c %s f') === '5\n');
    expect(await place.shell('cat f new')).toBe('newernew');
  });

  test('own changes show at once', async () => {
    const place = await drive.prepared({ f: 'x', g: 'gg' });
    expect(await place.shell('ls; stat -c "%n %s" f g')).toBe('f\ng\nf 1\ng 2\n');
    await place.shell('echo four > f; mv g h; mkdir d; touch -d 2001-02-03 h');
    expect(await place.shell('ls -l --time-style=+%F . | awk \'NR > 1 {print $5, $6, $7}\' | sed "s/^4096 [^ ]*/-/"')).toMatch(
      /^- d\n5 \d{4}-\d\d-\d\d f\n2 2001-02-03 h\n$/,
    );
    await place.shell('rm f; rmdir d');
    expect(await succeed('ls', [place.mount])).toBe('h\n');
  });

  test('a mutation that fails drops the listing: what was in its way shows at once', async () => {
    const place = await drive.prepared({ f: 'x' });
    expect(await succeed('ls', [place.mount])).toBe('f\n');
    await place.put('lock/owner', 'another machine');
    const program = dictated();
    expect(await program.refused('mkdir', place.at('lock'))).toBe('EEXIST');
    expect(await succeed('ls', [place.mount])).toBe('f\nlock\n');
  });
});

/** The first write looks at the server once what the listing told is older than --attr-ttl, 100 ms by the last remount. */
const attributesGrowOld = () => new Promise((resolve) => setTimeout(resolve, 150));

describe('two programs and one file', () => {
  test('a writer who was overtaken by a replacement does not bring the old bytes back', async () => {
    const place = await drive.prepared({ f: 'aaaa' });
    const program = dictated();
    const descriptor = await program.open(place.at('f'), 'os.O_RDWR');
    expect(await program.read(descriptor, 4)).toBe('aaaa');
    await place.put('f', 'bbbbbbbb', later(10));
    await attributesGrowOld();
    // He has read of the older version: what he would write belongs to it.
    expect(await program.refused('pwrite', descriptor, 'X', 0)).toBe('ESTALE');
    await program.close(descriptor);
    expect(await place.onServer('f')).toBe('bbbbbbbb');
  });

  test('who writes without having read writes into the version that is there now', async () => {
    const place = await drive.prepared({ f: 'aaaa' });
    expect(await place.shell('stat -c %s f')).toBe('4\n');
    const program = dictated();
    const descriptor = await program.open(place.at('f'), 'os.O_WRONLY');
    await writeFile(join(place.server, 'f'), 'bbbbbbbb');
    await utimes(join(place.server, 'f'), later(10), later(10));
    await attributesGrowOld();
    await program.call('pwrite', descriptor, 'X', 1);
    await program.close(descriptor);
    expect(await place.onServer('f')).toBe('bXbbbbbb');
  });
});
