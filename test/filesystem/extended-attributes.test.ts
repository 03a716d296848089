/** `user.amarre.*`: what getfattr and setfattr see and change, and what it costs those who copy trees. */
import { afterEach, describe, expect, test } from 'vitest';
import { deferred, errnoOf, forWriting, hold, interruptible, longAgo, mount, someone, turns, type Mount, type MountChoices } from './harness.js';

let m: Mount;
afterEach(async () => {
  await m.end();
});

async function start(choices: MountChoices = {}): Promise<void> {
  m = await mount(choices);
  m.platform.put('/f', 'content', longAgo);
}

const withAttributes: MountChoices = { provider: { attributes: true } };

async function value(path: string, name: string): Promise<string> {
  return Buffer.from(await m.fs.getxattr(await m.node(path), name, someone)).toString();
}

async function set(path: string, name: string, text: string): Promise<void> {
  await m.fs.setxattr(await m.node(path), name, Buffer.from(text), someone);
}

describe('on a platform that knows nothing besides', () => {
  test('id, provider and version are told from memory; the rest is ENODATA, and EOPNOTSUPP where the name is not ours', async () => {
    await start();
    expect([await value('/f', 'user.amarre.id'), await value('/f', 'user.amarre.provider')]).toEqual(['/f', 'memory']);
    const version = await value('/f', 'user.amarre.version');
    expect(await value('/f', 'user.amarre.all')).toBe(`id=/f\nprovider=memory\nversion=${version}\n`);
    await m.save('/f', 'longer than before');
    expect(await value('/f', 'user.amarre.version')).not.toBe(version);
    expect(await errnoOf(value('/f', 'user.amarre.other'))).toBe('ENODATA');
    expect(await errnoOf(value('/f', 'user.mine'))).toBe('EOPNOTSUPP');
  });

  test('none can be set: EOPNOTSUPP, which cp -a and mv pass over without a word', async () => {
    await start();
    const node = await m.node('/f');
    for (const name of ['user.mine', 'user.amarre.id', 'user.amarre.reference']) {
      expect(await errnoOf(set('/f', name, 'x'))).toBe('EOPNOTSUPP');
      expect(await errnoOf(m.fs.removexattr(node, name, someone))).toBe('EOPNOTSUPP');
    }
  });
});

describe('the list of names', () => {
  test('is empty and costs no request: what is not listed is neither copied along nor taken away by rsync -X', async () => {
    await start(withAttributes);
    const node = await m.node('/f');
    m.platform.tag('/f', 'reference', 'R1');
    m.platform.resetCounters();
    expect(m.fs.listxattr(node)).toEqual([]);
    expect(m.platform.log).toEqual([]);
  });
});

describe('on a platform that knows more', () => {
  test('its attributes are read, beside those that are known of every file', async () => {
    await start(withAttributes);
    m.platform.tag('/f', 'reference', 'R1');
    expect([await value('/f', 'user.amarre.reference'), await value('/f', 'user.amarre.owner'), await value('/f', 'user.amarre.provider')]).toEqual(['R1', 'ann', 'memory']);
    expect(await value('/f', 'user.amarre.all')).toMatch(/^id=\/f\nowner=ann\nprovider=memory\nreference=R1\nversion=.+\n$/);
    expect(await value('/', 'user.amarre.owner')).toBe('ann');
  });

  test('length and value are one request, and so is all that is asked together', async () => {
    await start(withAttributes);
    await m.node('/f');
    m.platform.resetCounters();
    const held = hold(m.platform, 'attributes');
    const asked = Promise.all([value('/f', 'user.amarre.owner'), value('/f', 'user.amarre.owner')]);
    await held.reached;
    held.release();
    expect(await asked).toEqual(['ann', 'ann']);
    await value('/f', 'user.amarre.all');
    expect(m.platform.calls.attributes).toBe(1);
  });

  test('setting and taking away go to the platform, and show at once', async () => {
    await start(withAttributes);
    expect(await errnoOf(value('/f', 'user.amarre.reference'))).toBe('ENODATA');
    await set('/f', 'user.amarre.reference', 'R2');
    expect(await value('/f', 'user.amarre.reference')).toBe('R2');
    await m.fs.removexattr(await m.node('/f'), 'user.amarre.reference', someone);
    expect(await errnoOf(value('/f', 'user.amarre.reference'))).toBe('ENODATA');
  });

  test.each([
    ['one that is read only', 'user.amarre.owner', 'x', 'EPERM'],
    ['one that the platform has for every file', 'user.amarre.version', 'x', 'EPERM'],
    ['the id', 'user.amarre.id', 'x', 'EPERM'],
    ['all at once', 'user.amarre.all', 'x', 'EPERM'],
    ['a value that cannot be', 'user.amarre.reference', 'a\nb', 'EINVAL'],
    ['a value that is not text', 'user.amarre.reference', Uint8Array.of(0xff), 'EINVAL'],
    ['a name that is not ours', 'user.mine', 'x', 'EOPNOTSUPP'],
  ])('%s: %s is refused', async (_what, name, text, errno) => {
    await start(withAttributes);
    const node = await m.node('/f');
    expect(await errnoOf(m.fs.setxattr(node, name, Buffer.from(text), someone))).toBe(errno);
  });

  test('a drive that is mounted read-only takes none', async () => {
    await start({ ...withAttributes, settings: { readOnly: true } });
    expect(await errnoOf(set('/f', 'user.amarre.reference', 'x'))).toBe('EROFS');
  });

  test('with unsent changes they are of the last version, and what is unsent is sent as ever', async () => {
    await start(withAttributes);
    const version = await value('/f', 'user.amarre.version');
    const file = await m.open('/f', forWriting);
    await m.write(file, 0, 'changed and longer');
    expect(await value('/f', 'user.amarre.version')).toBe(version);
    await set('/f', 'user.amarre.reference', 'R3');
    expect((await m.stat('/f')).size).toBe(18);
    await m.close(file);
    expect([m.platform.text('/f'), await value('/f', 'user.amarre.reference')]).toEqual(['changed and longer', 'R3']);
  });

  test('a new file has none before the platform has it, and takes none', async () => {
    await start(withAttributes);
    const file = await m.open('/new', forWriting, { create: true });
    await m.write(file, 0, 'x');
    expect(await errnoOf(value('/new', 'user.amarre.owner'))).toBe('ENODATA');
    expect(await errnoOf(set('/new', 'user.amarre.reference', 'x'))).toBe('EBUSY');
    await m.close(file);
    expect(await value('/new', 'user.amarre.owner')).toBe('ann');
  });

  test('one who is interrupted goes; others get their answer', async () => {
    await start(withAttributes);
    const node = await m.node('/f');
    const held = hold(m.platform, 'attributes');
    const impatient = interruptible();
    const gone = errnoOf(m.fs.getxattr(node, 'user.amarre.owner', impatient));
    const patient = m.fs.getxattr(node, 'user.amarre.owner', someone);
    await held.reached;
    impatient.interrupt();
    expect(await gone).toBe('EINTR');
    held.release();
    expect(Buffer.from(await patient).toString()).toBe('ann');
  });

  test('a failure is told, and asked again', async () => {
    await start(withAttributes);
    m.platform.failNext('attributes', 'EIO');
    expect(await errnoOf(value('/f', 'user.amarre.owner'))).toBe('EIO');
    expect(await value('/f', 'user.amarre.owner')).toBe('ann');
  });

  test('setting one waits for the upload of the same file, and an upload for it', async () => {
    await start(withAttributes);
    const held = hold(m.platform, 'write', 'commit');
    const saving = m.save('/f', 'new content');
    await held.reached;
    const done = deferred<string>();
    void set('/f', 'user.amarre.reference', 'R4').then(() => done.resolve(m.platform.text('/f') ?? ''));
    await turns();
    expect(m.platform.calls.setAttribute).toBe(0);
    held.release();
    await saving;
    expect(await done.promise).toBe('new content');
  });
});
