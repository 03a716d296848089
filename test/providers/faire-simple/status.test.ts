/** `partenaires/<uid>.statut`: what is sent when 0 or 1 is written, what the file shows, and what a failure leaves. */
import { describe, expect, test } from 'vitest';
import { like } from '../../support/like.js';
import { contentOf, listAll, never, readAll } from '../subject.js';
import { key, password, staged } from './subject.js';

const path = '/partenaires/1003.statut';

describe('writing', () => {
  test.each([['1', 1], ['1\n', 1], ['0', 0], ['0\n', 0]] as const)('%j sends the action, and the file holds it', async (text, action) => {
    const { provider, emulator, write, asked } = await staged();
    expect(await write(path, text)).toMatchObject({ name: '1003.statut', size: text.length });
    expect(await emulator.control.enrolments()).toEqual([{ uid: '1003', action }]);
    expect((await readAll(provider, path)).bytes.toString()).toBe(text);
    expect((await listAll(provider, '/partenaires')).find(({ name }) => name === '1003.statut')).toMatchObject({ size: text.length });
    expect(await asked()).toEqual({ partners: 1, enrol: 1 });
  });

  test.each(['2', '2\n', '11', 'oui\n', ' 1', '1 ', '1\n\n', '\n', '1\r\n'])('%j is EINVAL, and nothing is sent', async (text) => {
    const { provider, emulator, write } = await staged();
    await expect(write(path, text)).rejects.toMatchObject({ errno: 'EINVAL' });
    expect(provider.refuseBytes?.({ path }, 0, Buffer.from(text))?.errno).toBe('EINVAL');
    expect(await emulator.control.enrolments()).toEqual([]);
  });

  test('nothing sends nothing, and the file is as it was', async () => {
    const { provider, emulator, write } = await staged();
    expect(await write(path, '')).toMatchObject({ size: 0 });
    await write(path, '1\n');
    expect(await write(path, '')).toMatchObject({ size: 2 });
    expect((await readAll(provider, path)).bytes.toString()).toBe('1\n');
    expect(await emulator.control.enrolments()).toHaveLength(1);
  });

  test('for somebody who is not in the list is ENOENT; who went since, too', async () => {
    const { emulator, write } = await staged();
    await expect(write('/partenaires/9999.statut', '1')).rejects.toMatchObject({ errno: 'ENOENT' });
    await emulator.control.addRule({ route: 'enrol', action: { kind: 'answer', status: 404, body: {} } });
    await expect(write(path, '1')).rejects.toMatchObject({ errno: 'ENOENT' });
  });

  test('is an order', async () => {
    const { provider } = await staged();
    expect(provider.isOrder?.({ path })).toBe(true);
    await expect(provider.setModified({ path }, await provider.stat({ path }, never), 0, never)).rejects.toMatchObject({ errno: 'EPERM' });
  });
});

describe('what the file shows', () => {
  test('is nothing where nobody told, and costs no request of its own', async () => {
    const { provider, asked } = await staged();
    expect(await provider.stat({ path }, never)).toMatchObject({ kind: 'file', size: 0 });
    expect((await readAll(provider, path)).bytes.length).toBe(0);
    expect(await asked()).toEqual({ partners: 1 });
  });

  test('is what was taken before, after an order that was refused', async () => {
    const { provider, emulator, write } = await staged();
    await write(path, '1\n');
    await emulator.control.addRule({ route: 'enrol', action: { kind: 'answer', status: 403, body: {} } });
    await expect(write(path, '0\n')).rejects.toMatchObject({ errno: 'EACCES' });
    expect((await readAll(provider, path)).bytes.toString()).toBe('1\n');
  });

  test.each([
    ['loseAnswer', { kind: 'loseAnswer' }],
    ['an error of the server', { kind: 'answer', status: 500, body: {} }],
    ['a page of a gateway', { kind: 'answer', status: 502, headers: { 'content-type': 'text/html' }, body: '<html><title>Bad gateway</title></html>' }],
  ] as const)('is nothing after an order of which nobody knows whether it was taken (%s), which is sent once', async (_name, action) => {
    const { provider, emulator, write, asked } = await staged();
    await write(path, '1\n');
    await emulator.control.addRule({ route: 'enrol', action });
    await asked();
    await expect(write(path, '0\n')).rejects.toMatchObject({ errno: 'EIO', message: like('may have been done') });
    expect(await asked()).toEqual({ enrol: 1 });
    expect((await readAll(provider, path)).bytes.length).toBe(0);
  });

  test('is repeated while the server says that it is busy, which has done nothing', async () => {
    const { emulator, write, asked } = await staged();
    await emulator.control.addRule({ route: 'enrol', times: 2, action: { kind: 'answer', status: 503, body: {} } });
    await write(path, '1\n');
    expect((await asked())['enrol']).toBe(3);
    expect(await emulator.control.enrolments()).toEqual([{ uid: '1003', action: 1 }]);
  });

  test('is the platform\'s own word where a field tells it, asked for at every look', async () => {
    const { provider, another, emulator, write, asked } = await staged({ emulator: { statusField: 'inscrit' }, settings: { faireSimple: { uidField: 'uid', statusField: 'inscrit' } } });
    expect((await listAll(provider, '/partenaires')).find(({ name }) => name === '1003.statut')).toMatchObject({ size: undefined, unsure: true });
    await asked();
    expect(await provider.stat({ path }, never)).toMatchObject({ size: 2 });
    expect((await readAll(provider, path)).bytes.toString()).toBe('0\n');
    await write(path, '1\n');
    expect((await readAll(provider, path)).bytes.toString()).toBe('1\n');
    await another({ apiKey: key, password }).write({ path }, contentOf(Buffer.from('0')), { modified: 0 }, never);
    const { version } = await provider.stat({ path }, never);
    await asked();
    expect((await readAll(provider, path, { version })).bytes.toString()).toBe('0\n');
    expect(await asked()).toEqual({});
    await emulator.control.addRule({ route: 'partner', action: { kind: 'answer', status: 200, body: { inscrit: 'peut-être' } } });
    expect(await provider.stat({ path }, never)).toMatchObject({ size: 0 });
  });
});
