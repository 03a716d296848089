/** Sizes: what is too large, what has no room, what is cut and grown. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FsError } from '../../src/errors.js';
import { StagedFile } from '../../src/storage/staging.js';
import { emptying, errnoOf, exclusively, forAppending, forBoth, forReading, forWriting, longAgo, mount, someone, type Mount } from './harness.js';

let m: Mount;
beforeEach(async () => {
  m = await mount();
  m.platform.put('/f', 'old', longAgo);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await m.end();
});

const sent = (): number => m.platform.calls.write;

describe('truncate(2) by path has no close: it is sent before the reply', () => {
  test('shorter, longer, to nothing', async () => {
    await m.set('/f', { size: 2 });
    expect(m.platform.text('/f')).toBe('ol');
    await m.set('/f', { size: 4 });
    expect(m.platform.text('/f')).toBe('ol\0\0');
    m.platform.resetCounters();
    await m.set('/f', { size: 0 });
    expect(m.platform.text('/f')).toBe('');
    expect(m.platform.calls.read).toBe(0);
  });

  test('its failure is told, and the old version shows', async () => {
    m.platform.failNext('write', 'EDQUOT');
    expect(await errnoOf(m.set('/f', { size: 2 }))).toBe('EDQUOT');
    expect(m.platform.text('/f')).toBe('old');
    expect((await m.stat('/f')).size).toBe(3);
    expect(await m.cat('/f')).toBe('old');
    expect(await m.shutdown()).toEqual([]);
  });

  test('with an open writer it goes out with his close', async () => {
    const file = await m.open('/f', forWriting);
    await m.set('/f', { size: 2 });
    expect(m.platform.text('/f')).toBe('old');
    await m.close(file);
    expect(m.platform.text('/f')).toBe('ol');
  });

  test('a writer whose RELEASE is under way is none: its close has returned', async () => {
    const file = await m.open('/f', forWriting);
    await m.write(file, 0, 'new content');
    await m.flush(file);
    const releasing = m.release(file);
    await m.set('/f', { size: 3 });
    expect(m.platform.text('/f')).toBe('new');
    await releasing;
    expect(m.platform.text('/f')).toBe('new');
    expect(await m.shutdown()).toEqual([]);
  });

  test('two writers that go at once leave nothing unsent', async () => {
    const one = await m.open('/f', forWriting);
    const two = await m.open('/f', forWriting);
    await m.write(one, 0, 'new');
    await Promise.all([m.release(one), m.release(two)]);
    expect(m.platform.text('/f')).toBe('new');
    expect(await m.shutdown()).toEqual([]);
  });

  test('what was cut off reads as zeros when the file grows again', async () => {
    m.platform.put('/g', 'abcdefgh', longAgo);
    const file = await m.open('/g', forBoth);
    await m.write(file, 6, 'GH');
    await m.set('/g', { size: 3 }, file);
    await m.set('/g', { size: 8 }, file);
    expect((await m.read(file)).toString('latin1')).toBe('abc\0\0\0\0\0');
    await m.write(file, 12, 'z');
    await m.close(file);
    expect(m.platform.text('/g')).toBe('abc\0\0\0\0\0\0\0\0\0z');
  });

  test('only what is needed of an existing file is fetched', async () => {
    m.platform.put('/big', Buffer.alloc(3_000_000, 1), longAgo);
    const file = await m.open('/big', forWriting);
    await m.set('/big', { size: 1000 }, file);
    m.platform.resetCounters();
    await m.close(file);
    expect(m.platform.get('/big')?.length).toBe(1000);
    expect(m.platform.bytesRead).toBeLessThan(200_000);
  });
});


describe('limits', () => {
  test('staging disk full: ENOSPC at the WRITE, and the program may go on', async () => {
    const file = await m.open('/f', forWriting);
    vi.spyOn(StagedFile.prototype, 'write').mockRejectedValueOnce(new FsError('ENOSPC', 'no room'));
    expect(await errnoOf(m.write(file, 0, 'NEW'))).toBe('ENOSPC');
    await m.write(file, 0, 'N');
    await m.close(file);
    expect(m.platform.text('/f')).toBe('Nld');
  });

  test('staging disk full: what an unsent rest would need is refused at the WRITE, not at the close', async () => {
    vi.spyOn(m.staging, 'ensureRoom').mockRejectedValue(new FsError('ENOSPC', 'no room'));
    const file = await m.open('/f', forAppending);
    expect(await errnoOf(m.write(file, 3, '!'))).toBe('ENOSPC');
    await m.close(file);
    expect(m.platform.text('/f')).toBe('old');
    expect(sent()).toBe(0);
    await m.save('/f', 'emptied first, it needs no room for the old');
  });

  test('EFBIG: at the WRITE, at truncate, at FALLOCATE', async () => {
    await m.end();
    m = await mount({ provider: { traits: { maxFileSize: 100 } } });
    m.platform.put('/f', 'old', longAgo);
    const file = await m.open('/f', forWriting);
    expect(await errnoOf(m.write(file, 99, 'xx'))).toBe('EFBIG');
    expect(await errnoOf(m.set('/f', { size: 101 }))).toBe('EFBIG');
    expect(await errnoOf(m.set('/f', { size: 101 }, file))).toBe('EFBIG');
    expect(await errnoOf(m.fs.fallocate(file.node, file.handle, 0, 50, 51, someone))).toBe('EFBIG');
    await m.write(file, 99, 'x');
    await m.close(file);
    expect(m.platform.get('/f')?.length).toBe(100);
  });

  describe('a file larger than the platform takes', () => {
    beforeEach(async () => {
      await m.end();
      m = await mount({ provider: { traits: { maxFileSize: 100 } } });
      m.platform.put('/f', 'old', longAgo);
      m.platform.put('/large', 'x'.repeat(101), longAgo);
      await m.names('/');
      m.platform.resetCounters();
    });

    /** What `cp` of 150 bytes does: pieces of 40, until one fails; then it closes what it has. */
    async function copyIn(path: string): Promise<string[]> {
      const file = await m.open(path, (await m.exists(path)) ? emptying : exclusively, { create: true });
      const told: string[] = [];
      for (let at = 0; at < 150 && told.length === 0; at += 40) {
        const errno = await errnoOf(m.write(file, at, 'y'.repeat(40)));
        if (errno !== 'none') told.push(`${at}: ${errno}`);
      }
      told.push(await errnoOf(m.flush(file)));
      await m.release(file);
      return told;
    }

    test('cp over an older one fails at the write that passes the limit, and the old one is whole', async () => {
      expect(await copyIn('/f')).toEqual(['80: EFBIG', 'EFBIG']);
      expect([m.platform.text('/f'), await m.cat('/f'), sent()]).toEqual(['old', 'old', 0]);
      expect(await m.shutdown()).toEqual([]);
    });

    test('cp of a new one leaves no half file, here or there', async () => {
      expect(await copyIn('/new')).toEqual(['80: EFBIG', 'EFBIG']);
      expect([await m.exists('/new'), m.platform.tree(), await m.shutdown()]).toEqual([false, ['/f', '/large'], []]);
    });

    test('a program that begins again with less is heard', async () => {
      const file = await m.open('/f', emptying);
      expect(await errnoOf(m.write(file, 0, 'y'.repeat(101)))).toBe('EFBIG');
      await m.set('/f', { size: 0 }, file);
      await m.write(file, 0, 'less');
      await m.close(file);
      expect(m.platform.text('/f')).toBe('less');
    });

    test('when the first write is refused already the close sends no empty file', async () => {
      const file = await m.open('/f', emptying);
      expect(await errnoOf(m.write(file, 0, 'y'.repeat(101)))).toBe('EFBIG');
      await errnoOf(m.close(file));
      expect([m.platform.text('/f'), sent()]).toEqual(['old', 0]);
    });

    test('O_APPEND: the line that passes the limit is refused, those before it arrive', async () => {
      const file = await m.open('/f', forAppending);
      await m.write(file, 3, 'y'.repeat(90));
      expect(await errnoOf(m.write(file, 93, 'z'.repeat(8)))).toBe('EFBIG');
      await m.close(file);
      expect(m.platform.text('/f')).toBe(`old${'y'.repeat(90)}`);
    });

    test('O_APPEND where others have appended: the real end counts', async () => {
      const file = await m.open('/f', forAppending);
      m.platform.put('/f', 'x'.repeat(95));
      expect(await errnoOf(m.write(file, 3, 'too long'))).toBe('EFBIG');
      await m.write(file, 3, 'fits.');
      await m.close(file);
      expect(m.platform.text('/f')).toBe(`${'x'.repeat(95)}fits.`);
    });

    test('truncate(2) and FALLOCATE of one more are refused, of the limit itself they are not', async () => {
      expect(await errnoOf(m.set('/f', { size: 101 }))).toBe('EFBIG');
      expect(m.platform.log).toEqual([]);
      const file = await m.open('/f', forWriting);
      expect(await errnoOf(m.fs.fallocate(file.node, file.handle, 0, 0, 101, someone))).toBe('EFBIG');
      await m.fs.fallocate(file.node, file.handle, 0, 0, 100, someone);
      await m.close(file);
      expect(m.platform.get('/f')?.length).toBe(100);
      await m.set('/f', { size: 100 });
    });

    test('a copy within the drive is refused before the platform is asked, and the target stays', async () => {
      const source = await m.open('/large', forReading);
      const target = await m.open('/f', emptying);
      expect(await errnoOf(m.copyRange(source, target, 1 << 20))).toBe('EFBIG');
      await errnoOf(m.close(target));
      await m.close(source);
      expect([m.platform.calls.copy, m.platform.text('/f'), sent()]).toEqual([0, 'old', 0]);
    });

    test('what was open when the mount ended is not kept: it was not the whole', async () => {
      const file = await m.open('/f', emptying);
      await m.write(file, 0, 'y'.repeat(90));
      expect(await errnoOf(m.write(file, 90, 'y'.repeat(90)))).toBe('EFBIG');
      expect([await m.shutdown(), m.platform.text('/f')]).toEqual([[], 'old']);
    });
  });

  test('FALLOCATE mode 0 extends the size in staging, other modes are EOPNOTSUPP', async () => {
    const file = await m.open('/f', forWriting);
    await m.fs.fallocate(file.node, file.handle, 0, 0, 2, someone);
    expect((await m.stat('/f')).size).toBe(3);
    await m.fs.fallocate(file.node, file.handle, 0, 2, 4, someone);
    expect((await m.stat('/f')).size).toBe(6);
    expect(m.platform.text('/f')).toBe('old');
    expect(await errnoOf(m.fs.fallocate(file.node, file.handle, 3, 0, 1, someone))).toBe('EOPNOTSUPP');
    await m.close(file);
    expect(m.platform.text('/f')).toBe('old\0\0\0');
  });

  test('a read-only mount: EROFS for everything that would change it', async () => {
    await m.end();
    m = await mount({ settings: { readOnly: true } });
    m.platform.put('/f', 'old', longAgo);
    m.platform.putFolder('/d');
    const attempts = [
      m.open('/f', forWriting), m.open('/new', exclusively, { create: true }), m.unlink('/f'), m.rmdir('/d'), m.mkdir('/e'),
      m.rename('/f', '/g'), m.set('/f', { size: 0 }), m.set('/f', { mtime: 0 }), m.set('/f', { mode: 0o600 }),
    ];
    expect(await Promise.all(attempts.map(errnoOf))).toEqual(attempts.map(() => 'EROFS'));
    expect(await m.cat('/f')).toBe('old');
  });
});
