/** faire-simple as a tree: what is listed, what opens by name, what is asked for when, and that nothing else changes. */
import { describe, expect, test } from 'vitest';
import type { Entry } from '../../../src/providers/provider.js';
import { like } from '../../support/like.js';
import { listAll, never, readAll, bytesOf, contentOf } from '../subject.js';
import { staged } from './subject.js';

const names = (entries: readonly Entry[]): string[] => entries.map(({ name }) => name).sort();
const uids = Array.from({ length: 12 }, (_, index) => String(1001 + index));

describe('the tree', () => {
  test('is what the table says, one file and one status a partner, the last four half-years', async () => {
    const { provider } = await staged();
    expect(names(await listAll(provider, '/'))).toEqual(['actualisation', 'campagnes.json', 'partenaires', 'partenaires.json', 'propositions.json', 'thematiques.json']);
    expect(names(await listAll(provider, '/partenaires'))).toEqual(uids.flatMap((uid) => [`${uid}.json`, `${uid}.statut`]));
    expect(names(await listAll(provider, '/actualisation'))).toEqual(['2025-1.json', '2025-2.json', '2026-1.json', '2026-2.json', 'totale.json']);
  });

  test('costs no request for its documents, and the list of partners once', async () => {
    const { provider, asked } = await staged();
    for (const folder of ['/', '/actualisation', '/partenaires', '/partenaires']) {
      for (const entry of await listAll(provider, folder)) {
        expect(entry.name).toBe(entry.name);
        if (entry.kind === 'folder') expect(entry).toMatchObject({ size: undefined });
        else if (entry.name.endsWith('.statut')) expect(entry).toMatchObject({ size: 0, version: 'state-' });
        else expect(entry).toMatchObject({ size: undefined, modified: undefined, unsure: true });
      }
    }
    expect(await asked()).toEqual({ partners: 1 });
  });

  test('has nothing else in it', async () => {
    const { provider, asked } = await staged();
    await listAll(provider, '/partenaires');
    await asked();
    for (const path of ['/x', '/x/y', '/partenaires/9999.json', '/partenaires/1001', '/partenaires/.json', '/partenaires/1001.xml', '/actualisation/2026.json', '/actualisation/2026-3.json']) {
      await expect(provider.stat({ path }, never), path).rejects.toMatchObject({ errno: 'ENOENT' });
      await expect(readAll(provider, path), path).rejects.toMatchObject({ errno: 'ENOENT' });
    }
    await expect(provider.stat({ path: '/thematiques.json/x' }, never)).rejects.toMatchObject({ errno: 'ENOTDIR' });
    await expect(listAll(provider, '/thematiques.json')).rejects.toMatchObject({ errno: 'ENOTDIR' });
    await expect(listAll(provider, '/thematiques.json/x')).rejects.toMatchObject({ errno: 'ENOTDIR' });
    await expect(listAll(provider, '/nothing')).rejects.toMatchObject({ errno: 'ENOENT' });
    await expect(readAll(provider, '/partenaires')).rejects.toMatchObject({ errno: 'EISDIR' });
    expect(await provider.stat({ path: '/' }, never)).toMatchObject({ kind: 'folder' });
    expect(await provider.stat({ path: '/partenaires' }, never)).toMatchObject({ kind: 'folder', name: 'partenaires' });
    expect(await asked()).toEqual({});
  });

  test('has every half-year by name, those that are not listed, too', async () => {
    const { provider } = await staged();
    expect(provider.isUnlisted?.({ path: '/actualisation/2024-1.json' })).toBe(true);
    expect(provider.isUnlisted?.({ path: '/actualisation/2026-1.json' })).toBe(false);
    expect(provider.isUnlisted?.({ path: '/actualisation/notes.json' })).toBe(false);
    expect(provider.isUnlisted?.({ path: '/partenaires/9999.json' })).toBe(false);
    expect((await provider.stat({ path: '/actualisation/2024-1.json' }, never)).size).toBeGreaterThan(10);
    await expect(provider.stat({ path: '/actualisation/1999-1.json' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
    const { bytes } = await readAll(provider, '/actualisation/2024-1.json');
    expect(JSON.parse(bytes.toString())).toMatchObject({ semestres: ['2024-1'] });
  });

  test('names its partners by the field that is asked for', async () => {
    const { provider } = await staged({ emulator: { uidField: 'identifiant' }, settings: { faireSimple: { uidField: 'identifiant' } } });
    expect(names(await listAll(provider, '/partenaires'))).toHaveLength(24);
    const { provider: wrong } = await staged({ emulator: { uidField: 'identifiant' } });
    await expect(listAll(wrong, '/partenaires')).rejects.toMatchObject({ errno: 'EIO', message: like('"uid"') });
  });

  test('shows no name from the server that would do harm, and reads the others', async () => {
    const { provider, emulator } = await staged();
    for (const uid of ['..', 'a/../b', 'n'.repeat(300), ' ']) await emulator.control.changePartner(uid, { nom: uid });
    const shown = names(await listAll(provider, '/partenaires')).filter((name) => name.endsWith('.json') && !uids.includes(name.slice(0, -5)));
    expect(shown).toEqual([' .json', '...json', 'a%2F..%2Fb.json']);
    expect(JSON.parse((await readAll(provider, '/partenaires/a%2F..%2Fb.json')).bytes.toString())).toMatchObject({ uid: 'a/../b' });
  });

  test('can be described by another table', async () => {
    const routes = JSON.stringify({
      keyParameter: 'key', first: '/users',
      files: [{ path: '/deep/er/{uid}.json', get: '/users/{uid}', names: { from: 'rows', get: '/users', field: 'uid' } }, { path: '/all.json', get: '/users' }],
    });
    const { provider, asked } = await staged({ settings: { faireSimple: { uidField: 'uid', routes } } });
    await provider.connect(never);
    expect(names(await listAll(provider, '/'))).toEqual(['all.json', 'deep']);
    expect(names(await listAll(provider, '/deep'))).toEqual(['er']);
    expect(names(await listAll(provider, '/deep/er'))).toEqual(uids.map((uid) => `${uid}.json`));
    await readAll(provider, '/deep/er/1001.json');
    // What this table does not call live is kept.
    await readAll(provider, '/deep/er/1001.json');
    expect(await asked()).toEqual({ partners: 1, partner: 1 });
    await expect(staged({ settings: { faireSimple: { uidField: 'uid', routes: '{}' } } })).rejects.toMatchObject({ errno: 'EINVAL' });
  });
});

describe('documents', () => {
  test('are what the server sent, byte by byte; laid out only where that is asked for', async () => {
    const { provider, emulator } = await staged();
    const url = new URL(`${emulator.announcement.url}/api/thematiques`);
    url.searchParams.set('key', emulator.key);
    const raw = await (await fetch(url, { headers: { authorization: `Basic ${Buffer.from(`${emulator.user}:${emulator.password}`).toString('base64')}` } })).text();
    expect((await readAll(provider, '/thematiques.json')).bytes.toString()).toBe(raw);
    const { provider: pretty } = await staged({ settings: { documents: { memory: 2 ** 20, ttl: 60_000, pretty: true } } });
    expect((await readAll(pretty, '/thematiques.json')).bytes.toString()).toBe(`${JSON.stringify(JSON.parse(raw), null, 2)}\n`);
  });

  test('have the size and version that a look tells, in every part of them', async () => {
    const { provider } = await staged({ emulator: { feedBytes: 900_000 } });
    const { size = 0, version } = await provider.stat({ path: '/partenaires.json' }, never);
    expect(size).toBeGreaterThan(500_000);
    const whole = await readAll(provider, '/partenaires.json', { version });
    expect(whole.entry).toMatchObject({ size, version });
    expect(whole.bytes.length).toBe(size);
    for (const [start, end] of [[0, 1], [0, 131_073], [300_000, 450_000], [size - 1, size + 10], [size, size + 1], [size + 7, size + 9]] as const) {
      const part = await readAll(provider, '/partenaires.json', { start, end, version });
      expect(part.bytes.equals(whole.bytes.subarray(start, end))).toBe(true);
      expect(part.entry).toMatchObject({ size, version });
    }
    await expect(readAll(provider, '/partenaires.json', { version: 'other' })).rejects.toMatchObject({ errno: 'ESTALE' });
    const given = await provider.read({ path: '/partenaires.json' }, { start: 0, end: 10, version }, never);
    await given.body[Symbol.asyncIterator]().return?.();
  });

  test('are asked for once in a time to live, by however many at once', async () => {
    const { provider, asked } = await staged({ settings: { documents: { memory: 2 ** 20, ttl: 300, pretty: false } } });
    await Promise.all(Array.from({ length: 10 }, () => readAll(provider, '/campagnes.json')));
    await provider.stat({ path: '/campagnes.json' }, never);
    expect(await asked()).toEqual({ campaigns: 1 });
    await expect.poll(async () => {
      await provider.stat({ path: '/campagnes.json' }, never);
      return (await asked())['campaigns'] ?? 0;
    }, { timeout: 5_000 }).toBe(1);
    provider.forget?.({ path: '/campagnes.json' });
    await provider.stat({ path: '/campagnes.json' }, never);
    expect(await asked()).toEqual({ campaigns: 1 });
  });

  test('of a partner are asked for at every look, and read from what the look brought', async () => {
    const { provider, emulator, asked } = await staged();
    await listAll(provider, '/partenaires');
    await asked();
    const first = await provider.stat({ path: '/partenaires/1001.json' }, never);
    const read = await readAll(provider, '/partenaires/1001.json', { version: first.version });
    expect(read.bytes.length).toBe(first.size);
    expect(await asked()).toEqual({ partner: 1 });
    await emulator.control.changePartner('1001', { nom: 'Autre' });
    const second = await provider.stat({ path: '/partenaires/1001.json' }, never);
    expect(second.version).not.toBe(first.version);
    expect(await asked()).toEqual({ partner: 1 });
    await expect(readAll(provider, '/partenaires/1001.json', { version: first.version })).rejects.toMatchObject({ errno: 'ESTALE' });
  });

  test('take no more memory together than they may, and one that is larger is refused with the remedy', async () => {
    const { provider, asked } = await staged({ emulator: { feedBytes: 200_000 }, settings: { documents: { memory: 260_000, ttl: 60_000, pretty: false } } });
    for (let round = 0; round < 2; round += 1) {
      await readAll(provider, '/partenaires.json');
      await readAll(provider, '/actualisation/totale.json').catch(() => undefined);
    }
    expect((await asked())['partners']).toBe(2);
    const { provider: small } = await staged({ emulator: { feedBytes: 200_000 }, settings: { documents: { memory: 50_000, ttl: 60_000, pretty: false } } });
    await expect(readAll(small, '/partenaires.json')).rejects.toMatchObject({ errno: 'EFBIG', message: like('--memory') });
  });

  test('that many wait for go on to come for the others when one is interrupted', async () => {
    const { provider, emulator, asked } = await staged();
    const rule = await emulator.control.addRule({ route: 'themes', action: { kind: 'stall', at: 'request' } });
    const abort = new AbortController();
    const given = provider.stat({ path: '/thematiques.json' }, abort.signal);
    const waiting = provider.stat({ path: '/thematiques.json' }, never);
    abort.abort();
    await expect(given).rejects.toMatchObject({ errno: 'EINTR' });
    await emulator.control.removeRules(rule);
    expect((await waiting).size).toBeGreaterThan(2);
    expect(await asked()).toEqual({ themes: 1 });
  });
});

describe('nothing else changes', () => {
  test('EROFS, from memory, and before a byte moves', async () => {
    const { provider, asked } = await staged();
    const modified = { modified: 0 };
    for (const path of ['/thematiques.json', '/partenaires/1001.json', '/new', '/actualisation/2026-1.json', '/partenaires/new.json']) {
      await expect(provider.write({ path }, contentOf(bytesOf(3)), modified, never), path).rejects.toMatchObject({ errno: 'EROFS' });
      await expect(provider.removeFile({ path }, never)).rejects.toMatchObject({ errno: 'EROFS' });
      await expect(provider.move({ path }, { path: '/other' }, { replace: true }, never)).rejects.toMatchObject({ errno: 'EROFS' });
      await expect(provider.park({ path }, never)).rejects.toMatchObject({ errno: 'EROFS' });
      await expect(provider.createFolder({ path }, never)).rejects.toMatchObject({ errno: 'EROFS' });
      for (const access of ['make', 'replace', 'date'] as const) expect(provider.learntRefusal?.(access, { path })?.errno).toBe('EROFS');
      expect(provider.learntRefusal?.('read', { path })).toBeUndefined();
      expect(provider.isOrder?.({ path })).toBe(false);
    }
    await expect(provider.removeFolder({ path: '/partenaires' }, never)).rejects.toMatchObject({ errno: 'EROFS' });
    await expect(provider.removeFile({ path: '/partenaires/1001.statut' }, never)).rejects.toMatchObject({ errno: 'EROFS' });
    expect(provider.learntRefusal?.('make', { path: '/partenaires/new.statut' })?.errno).toBe('EROFS');
    expect(provider.learntRefusal?.('replace', { path: '/partenaires/1001.statut' })).toBeUndefined();
    expect(await asked()).toEqual({});
    expect(await provider.quota(never)).toBeUndefined();
  });
});
