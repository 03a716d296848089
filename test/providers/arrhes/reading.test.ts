/** Reading from pre-signed addresses: one for all readers, renewed unnoticed, of one version (Arrhes' page: pre-signed URLs). */
import { afterEach, describe, expect, it } from 'vitest';
import { like } from '../../support/like.js';
import { bytesOf, contentOf, never, readAll, someTime } from '../subject.js';
import { startSubject, type ArrhesSubject, type SubjectOptions } from './subject.js';

let subject: ArrhesSubject;
afterEach(() => subject.close());

async function start(options: SubjectOptions = {}): Promise<ArrhesSubject> {
  subject = await startSubject(options);
  await subject.provider.connect(never);
  return subject;
}

const counts = async (): Promise<Readonly<Record<string, number>>> => (await subject.emulator.control.state()).counts;

describe('addresses', () => {
  it('one serves all readers of a document, as long as it lives', async () => {
    const { provider, backstage, emulator } = await start();
    const content = bytesOf(300_000);
    await backstage.put('/f', content, someTime);
    const { version } = await provider.stat({ path: '/f' }, never);
    await emulator.control.resetCounts();
    const parts = await Promise.all(Array.from({ length: 20 }, (_, at) => readAll(provider, '/f', { start: at * 10_000, end: (at + 1) * 10_000, version })));
    expect(parts.every(({ bytes }, at) => bytes.equals(content.subarray(at * 10_000, (at + 1) * 10_000)))).toBe(true);
    expect(await counts()).toMatchObject({ 'download-url': 1, 'store-get': 20 });
  });

  it('that end while a large document is read part by part are renewed unnoticed', async () => {
    const { provider, backstage, emulator } = await start({ emulator: { downloadUrlLifeS: 1 } });
    const content = bytesOf(40_000_000);
    await backstage.put('/f', content, someTime);
    const { version } = await provider.stat({ path: '/f' }, never);
    await emulator.control.addRule({ route: 'store-get', times: 0, action: { kind: 'slow', bytesPerSecond: 16_000_000 } });
    const part = 2_000_000;
    for (let at = 0; at < content.length; at += part) {
      const { bytes } = await readAll(provider, '/f', { start: at, end: at + part, version });
      expect(bytes.equals(content.subarray(at, at + part))).toBe(true);
    }
    expect((await counts())['download-url']).toBeGreaterThan(2);
  });

  it('that the store refuses though they should live are renewed once, also in the middle of a body', async () => {
    const { provider, backstage, emulator } = await start();
    const content = bytesOf(3_000_000);
    await backstage.put('/f', content, someTime);
    await readAll(provider, '/f', { end: 10 });
    await emulator.control.advance(3_700_000);
    await emulator.control.addRule({ route: 'store-get', skip: 1, action: { kind: 'cutResponse', afterBytes: 1_000_000 } });
    expect((await readAll(provider, '/f')).bytes.equals(content)).toBe(true);
    expect((await counts())['download-url']).toBe(2);
  });

  it('never take the key along, and are in no line of the log', async () => {
    const { provider, backstage, emulator, log } = await start();
    await backstage.put('/f', bytesOf(1000), someTime);
    await provider.write({ path: '/g' }, contentOf(bytesOf(1000)), { modified: someTime }, never);
    await provider.move({ path: '/g' }, { path: '/f' }, { replace: true }, never);
    for (const route of ['store-get', 'store-put', 'store-delete']) await emulator.control.addRule({ route, action: { kind: 'close' } });
    await readAll(provider, '/f');
    await provider.write({ path: '/f' }, contentOf(bytesOf(10)), { modified: someTime }, never);
    await emulator.control.addRule({ route: 'store-get', times: 0, action: { kind: 'answer', status: 403, body: '<Error><Code>SignatureDoesNotMatch</Code></Error>' } });
    const error: unknown = await readAll(provider, '/f').catch((thrown: unknown) => thrown);
    await emulator.control.removeRules();
    await provider.removeFile({ path: '/f' }, never);
    expect(error).toMatchObject({ errno: 'EIO', message: like('SignatureDoesNotMatch') });
    const told = JSON.stringify(log) + String(error instanceof Error ? `${error.stack ?? ''}${String(error.cause)}` : error);
    expect(log.length).toBeGreaterThan(20);
    expect(told).not.toMatch(/X-Amz-/i);
    expect(told).not.toContain(emulator.key);
  });
});

describe('one version', () => {
  it('of the second and the size is told apart by the store: a replaced document is ESTALE', async () => {
    const { provider, backstage } = await start();
    await backstage.put('/f', bytesOf(100_000), someTime);
    const { version } = await provider.stat({ path: '/f' }, never);
    await readAll(provider, '/f', { end: 10, version });
    await backstage.put('/f', bytesOf(100_000, 1), someTime);
    expect((await provider.stat({ path: '/f' }, never)).version).toBe(version);
    await expect(readAll(provider, '/f', { start: 10, version })).rejects.toMatchObject({ errno: 'ESTALE' });
  });

  it('that is replaced in the middle of a broken body is ESTALE, never two in one', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.put('/f', bytesOf(1_000_000), someTime);
    await emulator.control.addRule({ route: 'store-get', action: { kind: 'cutResponse', afterBytes: 300_000 } });
    const { body } = await provider.read({ path: '/f' }, { start: 0, end: 1_000_000, version: undefined }, never);
    const reading = (async () => {
      for await (const piece of body) if (piece.length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    })();
    await backstage.put('/f', bytesOf(1_000_000, 5), someTime + 5_000);
    await expect(reading).rejects.toMatchObject({ errno: 'ESTALE' });
  });

  it('goes on through a new name, and through changes of the accountant\'s', async () => {
    const { provider, backstage } = await start();
    const content = bytesOf(50_000);
    await backstage.put('/f', content, someTime);
    const { version, id } = await provider.stat({ path: '/f' }, never);
    const moved = await provider.move({ path: '/f' }, { path: '/g' }, { replace: false }, never);
    expect(moved).toMatchObject({ name: 'g', id });
    const { body } = await provider.read({ path: '/g', id }, { start: 0, end: 50_000, version }, never);
    const pieces: Uint8Array[] = [];
    for await (const piece of body) pieces.push(piece);
    expect(Buffer.concat(pieces).equals(content)).toBe(true);
    await backstage.ask('PATCH', `files/${id ?? ''}`, { reference: 'R-2' });
    expect((await readAll(provider, '/g', { version: moved?.version })).bytes.equals(content)).toBe(true);
  });

  it('whose upload was never finalized shows what the store has', async () => {
    const { provider, backstage } = await start();
    await backstage.put('/f', bytesOf(100), someTime);
    const before = await provider.stat({ path: '/f' }, never);
    await backstage.fill((await backstage.file('/f')).id, bytesOf(250), { finalize: false });
    const { bytes, entry } = await readAll(provider, '/f');
    expect(bytes.equals(bytesOf(250))).toBe(true);
    expect(entry.size).toBe(250);
    expect(await provider.stat({ path: '/f' }, never)).toMatchObject({ size: 250, version: entry.version });
    await expect(readAll(provider, '/f', { version: before.version })).rejects.toMatchObject({ errno: 'ESTALE' });
    expect((await readAll(provider, '/f', { version: entry.version })).bytes.length).toBe(250);
  });
});

describe('without bytes', () => {
  it('a document without content, and an empty one, read as empty without a request to the store', async () => {
    const { provider, backstage, emulator } = await start();
    await backstage.make('bare');
    await backstage.put('/empty', bytesOf(0), someTime);
    for (const path of ['/bare', '/empty']) {
      const { version, size } = await provider.stat({ path }, never);
      expect(size).toBe(0);
      await emulator.control.resetCounts();
      expect((await readAll(provider, path, { version })).bytes.length).toBe(0);
      expect(await counts()).not.toHaveProperty('store-get');
      expect(await counts()).not.toHaveProperty('download-url');
    }
  });

  it('a document whose object is gone from the store is EIO, and its deletion goes', async () => {
    const { provider } = await start({ emulator: { files: [{ name: 'f', content: 'gone', objectGone: true }] } });
    await expect(readAll(provider, '/f')).rejects.toMatchObject({ errno: 'EIO', message: like('NoSuchKey') });
    await provider.removeFile({ path: '/f' }, never);
    await expect(provider.stat({ path: '/f' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
  });
});
