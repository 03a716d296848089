/** Rights that the platform tells beforehand: the modes they show as, and EACCES before any data moves, for root as well. */
import { afterEach, describe, expect, test } from 'vitest';
import { modeOf } from '../../src/filesystem/rights.js';
import type { Rights } from '../../src/providers/provider.js';
import { elapse, emptying, errnoOf, exclusively, forAppending, forBoth, forReading, forWriting, longAgo, mount, someone, type Mount, type MountChoices } from './harness.js';

const all: Rights = { read: true, write: true, remove: true };

test.each([
  ['file', undefined, 0o022, 0o644],
  ['file', all, 0o022, 0o644],
  ['file', { ...all, write: false }, 0o022, 0o444],
  ['file', { ...all, read: false }, 0o022, 0o200],
  ['file', { read: false, write: false, remove: false }, 0o022, 0],
  ['file', { ...all, remove: false }, 0o022, 0o644],
  ['file', { ...all, write: false }, 0o077, 0o400],
  ['folder', undefined, 0o022, 0o755],
  ['folder', { ...all, write: false }, 0o022, 0o555],
  ['folder', { ...all, read: false }, 0o022, 0o311],
  ['folder', { read: false, write: false, remove: false }, 0o027, 0o110],
] as const)('the mode of a %s with the rights %o and the umask %o is %o', (kind, rights, umask, mode) => {
  expect(modeOf(kind, rights, umask)).toBe(mode);
});

let m: Mount;
let mounted: Mount | undefined;
let rights: Record<string, Partial<Rights>> = {};
afterEach(async () => {
  await mounted?.end();
  mounted = undefined;
  rights = {};
});

/** A tree in which all may be done, but for what `forbidden` says of some paths. */
async function start(forbidden: Record<string, Partial<Rights>>, choices: MountChoices = {}): Promise<void> {
  rights = forbidden;
  m = await mount({ ...choices, provider: { rights: (path) => ({ ...all, ...rights[path] }), attributes: true } });
  mounted = m;
  m.platform.put('/f', 'content', longAgo);
  m.platform.put('/g', 'other', longAgo);
  m.platform.put('/d/in', 'inside', longAgo);
  m.platform.putFolder('/empty', longAgo);
  for (const name of ['/', '/d', '/empty']) await m.names(name).catch(() => undefined);
  m.platform.resetCounters();
}

/** EACCES, and the platform was not asked for anything. */
async function refused(work: Promise<unknown>): Promise<void> {
  expect(await errnoOf(work)).toBe('EACCES');
  expect(m.platform.log).toEqual([]);
}

describe('a file that may not be read', () => {
  test('is shown so, and cannot be opened for reading; writing goes on', async () => {
    await start({ '/f': { read: false } });
    expect((await m.stat('/f')).mode).toBe(0o200);
    await refused(m.open('/f', forReading));
    await refused(m.open('/f', forBoth));
    await refused(m.open('/f', forReading, { create: true }));
    await m.save('/f', 'anew');
    expect(m.platform.text('/f')).toBe('anew');
  });

  test('is not copied within the drive', async () => {
    await start({ '/f': { read: false } });
    await refused(m.open('/f', forReading));
    expect(m.platform.calls.copy).toBe(0);
  });
});

describe('a file that may not be changed', () => {
  test.each([['writing', forWriting], ['appending', forAppending], ['emptying', emptying], ['both', forBoth]])('cannot be opened for %s', async (_how, flags) => {
    await start({ '/f': { write: false } });
    expect((await m.stat('/f')).mode).toBe(0o444);
    await refused(m.open('/f', flags));
    expect(await m.cat('/f')).toBe('content');
  });

  test('cannot be cut, dated or given attributes', async () => {
    await start({ '/f': { write: false } });
    await refused(m.set('/f', { size: 3 }));
    await refused(m.set('/f', { mtime: longAgo }));
    await refused(m.set('/f', { atime: longAgo, mtime: 'now' }));
    await refused(m.fs.setxattr(await m.node('/f'), 'user.amarre.reference', Buffer.from('x'), someone));
    expect(m.platform.text('/f')).toBe('content');
  });

  test('is not replaced: rsync and editors are told before anything moves, and its own temporary file can be taken away', async () => {
    await start({ '/f': { write: false } });
    await m.save('/.f.tmp', 'new');
    m.platform.resetCounters();
    await refused(m.rename('/.f.tmp', '/f'));
    await m.unlink('/.f.tmp');
    expect([m.platform.text('/f'), m.platform.tree()]).toEqual(['content', ['/d/', '/d/in', '/empty/', '/f', '/g']]);
  });

  test('by a rename with unsent changes: nothing is sent', async () => {
    await start({ '/f': { write: false } });
    const file = await m.open('/.f.tmp', exclusively, { create: true });
    await m.write(file, 0, 'new');
    m.platform.resetCounters();
    await refused(m.rename('/.f.tmp', '/f'));
    await m.close(file);
  });

  test('can be deleted and renamed where that is allowed', async () => {
    await start({ '/f': { write: false }, '/g': { write: false } });
    await m.rename('/f', '/d/moved');
    await m.unlink('/g');
    expect(m.platform.tree()).toEqual(['/d/', '/d/in', '/d/moved', '/empty/']);
  });
});

describe('what may not be deleted', () => {
  test('stays, under its name', async () => {
    await start({ '/f': { remove: false }, '/empty': { remove: false }, '/d': { remove: false } });
    expect((await m.stat('/f')).mode).toBe(0o644);
    await refused(m.unlink('/f'));
    await refused(m.rmdir('/empty'));
    await refused(m.rename('/f', '/h'));
    await refused(m.rename('/d', '/e'));
    await refused(m.rename('/d', '/empty'));
  });

  test('a file is replaced all the same: its content may be changed', async () => {
    await start({ '/f': { remove: false } });
    await m.rename('/g', '/f');
    expect(m.platform.text('/f')).toBe('other');
  });
});

describe('a folder that may not be written to', () => {
  test('takes nothing new; what is in it can be changed', async () => {
    await start({ '/d': { write: false } });
    expect((await m.stat('/d')).mode).toBe(0o555);
    await refused(m.open('/d/new', emptying, { create: true }));
    await refused(m.mkdir('/d/new'));
    await refused(m.rename('/f', '/d/f'));
    await refused(m.rename('/d/in', '/d/out'));
    // A file that no listing shows yet would be opened: a look comes first.
    expect(await errnoOf(m.open('/d/new', forReading, { create: true }))).toBe('EACCES');
    expect(m.platform.log).toEqual(['stat /d/new']);
    await m.save('/d/in', 'changed');
    expect(m.platform.text('/d/in')).toBe('changed');
    await m.unlink('/d/in');
    expect(m.platform.tree()).not.toContain('/d/in');
  });

  test('mknod is refused as well', async () => {
    await start({ '/d': { write: false } });
    expect(await errnoOf(m.fs.mknod(await m.node('/d'), 'new', 0o644, someone))).toBe('EACCES');
    expect(m.platform.calls.write).toBe(0);
  });

  test('the top folder too', async () => {
    await start({ '/': { write: false } });
    expect((await m.stat('/')).mode).toBe(0o555);
    await refused(m.mkdir('/new'));
    await refused(m.open('/new', emptying, { create: true }));
    await refused(m.rename('/d/in', '/in'));
    await m.save('/d/new', 'x');
  });
});

test('a folder that may not be listed: EACCES without a request, and not an empty folder', async () => {
  await start({ '/d': { read: false } });
  expect((await m.stat('/d')).mode).toBe(0o311);
  await refused(m.names('/d'));
});

describe('what was just made here', () => {
  test('has no rights before the platform has it: the maker goes on, whatever it will say', async () => {
    await start({ '/new': { read: false, write: false, remove: false } });
    const file = await m.open('/new', forBoth, { create: true });
    expect((await m.stat('/new')).mode).toBe(0o644);
    await m.write(file, 0, 'first');
    await m.fsync(file);
    expect((await m.stat('/new')).mode).toBe(0);
    await m.write(file, 5, ' and second');
    expect((await m.read(file)).toString()).toBe('first and second');
    await m.close(file);
    expect(m.platform.text('/new')).toBe('first and second');
    m.platform.resetCounters();
    await refused(m.open('/new', forReading));
    await refused(m.unlink('/new'));
  });

  test('cp -p: the time that is set before the close goes out with the content', async () => {
    await start({ '/new': { write: false } });
    const file = await m.open('/new', exclusively, { create: true });
    await m.write(file, 0, 'x');
    await m.set('/new', { mtime: longAgo }, file);
    await m.close(file);
    expect((await m.stat('/new')).mtime).toBe(longAgo);
  });

  test('O_RDONLY | O_CREAT makes an empty file, and one that is there needs the right to read alone', async () => {
    await start({ '/f': { write: false } });
    await m.close(await m.open('/made', forReading, { create: true }));
    expect(m.platform.text('/made')).toBe('');
    await m.close(await m.open('/f', forReading, { create: true }));
  });
});

test('rights that change on the platform show when the listing does', async () => {
  await start({ '/f': { write: false } });
  await refused(m.open('/f', forWriting));
  rights = {};
  elapse(11_000);
  await m.save('/f', 'now it may');
  expect((await m.stat('/f')).mode).toBe(0o644);
});

test('--permissions refuse: the mode that is shown can be set, another cannot', async () => {
  await start({ '/f': { write: false } }, { settings: { permissions: 'refuse' } });
  await m.set('/f', { mode: 0o444 });
  expect(await errnoOf(m.set('/f', { mode: 0o644 }))).toBe('EPERM');
});

test('where the platform says nothing all is as it was', async () => {
  m = mounted = await mount();
  m.platform.put('/f', 'content', longAgo);
  expect([(await m.stat('/')).mode, (await m.stat('/f')).mode]).toEqual([0o755, 0o644]);
  await m.rename('/f', '/g');
});
