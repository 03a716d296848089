/** Links of both forms on the emulated platform: what is asked for is what is made, or nothing is. */
import { afterEach, describe, expect, test } from 'vitest';
import type { NetexplorerOptions } from '../../../src/emulators/start.js';
import { linkBody, linkPatterns, readLinkPattern } from '../../../src/providers/netexplorer/link-bodies.js';
import { isAbout, readLinkDate } from '../../../src/providers/netexplorer/link-dates.js';
import { readFile, readFolder } from '../../../src/providers/netexplorer/objects.js';
import type { LinkOptions, Links } from '../../../src/providers/services.js';
import type { LinkSettings } from '../../../src/providers/settings.js';
import { never, testSettings } from '../subject.js';
import { startSubject, type NetexplorerSubject } from './subject.js';

const inAWeek = Math.floor(Date.now() / 1000) * 1000 + 7 * 86_400_000;
const plain: LinkOptions = { expires: undefined, password: undefined, downloads: undefined };

/** An asymmetric matcher is of no type that strict code may use. */
function matching(text: string): unknown {
  return expect.stringContaining(text);
}

let subject: NetexplorerSubject | undefined;
afterEach(async () => {
  await subject?.close();
  subject = undefined;
});

interface Started extends NetexplorerSubject {
  readonly share: Links;
  readonly deposit: Links;
}

async function start(options: NetexplorerOptions = {}, links: Partial<LinkSettings> = {}, user = 'u'): Promise<Started> {
  const settings = { netexplorer: { ...testSettings.netexplorer, links: { ...testSettings.netexplorer.links, ...links } } };
  const started = await startSubject({ emulator: options, settings, user });
  subject = started;
  await started.backstage.together?.(async (disk) => {
    await disk.put('/report.txt', Buffer.from('report'), 1_700_000_000_000);
    await disk.put('/sub/other.txt', Buffer.from('other'), 1_700_000_000_000);
  });
  await started.provider.connect(never);
  const { shareLinks, depositLinks } = started.provider.services ?? {};
  if (shareLinks === undefined || depositLinks === undefined) throw new Error('the provider has no links');
  return { ...started, share: shareLinks, deposit: depositLinks };
}

describe.each(['new', 'old'] as const)('share links of the %s form', (form) => {
  test.each([['/report.txt', ['/Commun/report.txt'], 'report.txt'], ['/sub', ['/Commun/sub'], 'sub/'], ['/', ['/Commun'], 'Commun/']])('of %s', async (path, leadsTo, name) => {
    const { share, emulator } = await start({ links: { form } });
    const link = await share.make({ path }, { ...plain, expires: inAWeek }, never);
    const [seen] = await emulator.control.links();
    expect(seen).toMatchObject({ kind: 'share', paths: leadsTo, expiresAt: inAWeek });
    expect(link).toMatchObject({ id: String(seen?.id), leadsTo: name, expires: inAWeek, address: `${new URL(emulator.announcement.url).origin}${seen?.address ?? ''}` });
    expect(await share.list({ path }, never)).toEqual([link]);
    expect(await share.list({ path: '/sub/other.txt' }, never)).toEqual([]);
    await share.remove(link.id, never);
    expect(await emulator.control.links()).toEqual([]);
    expect(await share.list(undefined, never)).toEqual([]);
  });

  test('the address gives the bytes to whoever has it', async () => {
    const { share } = await start({ links: { form } });
    const { address } = await share.make({ path: '/report.txt' }, plain, never);
    const answer = await fetch(address);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe('report');
  });

  test.each(['rfc3339', 'french', 'sql'] as const)('dates written as %s are read back', async (dates) => {
    const { share } = await start({ links: { form, dates }, offsetMinutes: -new Date().getTimezoneOffset() });
    const { expires } = await share.make({ path: '/report.txt' }, { ...plain, expires: inAWeek }, never);
    expect(new Date(expires ?? 0).toDateString()).toBe(new Date(inAWeek).toDateString());
    if (dates !== 'french') expect(expires).toBe(inAWeek);
  });

  test('what the platform writes for links is not the account\'s own alone: of others nothing is listed or taken away', async () => {
    const { share, another, emulator } = await start({ links: { form } });
    const admin = another({ user: 'admin' });
    await admin.connect(never);
    const theirs = await admin.services?.shareLinks?.make({ path: '/report.txt' }, plain, never);
    expect(await share.list(undefined, never)).toEqual([]);
    await expect(share.remove(theirs?.id ?? '', never)).rejects.toMatchObject({ errno: 'ENOENT' });
    expect(await emulator.control.links()).toHaveLength(1);
  });
});

describe('a password and a number of downloads', () => {
  const guarded = { expires: undefined, password: 'open sesame', downloads: 3 };

  test('are kept by the older form', async () => {
    const { share, emulator, log } = await start({ links: { form: 'old' } });
    expect(await share.make({ path: '/report.txt' }, guarded, never)).toMatchObject({ downloads: 3 });
    expect(await emulator.control.links()).toMatchObject([{ password: 'open sesame', maxDownloads: 3 }]);
    expect(JSON.stringify(log)).not.toContain('open sesame');
  });

  test.each([{ ...guarded, downloads: undefined }, { ...guarded, password: undefined }])('are passed over by the new form: no open link is left behind (%o)', async (options) => {
    const { share, emulator } = await start({ links: { form: 'new' } });
    await expect(share.make({ path: '/report.txt' }, options, never)).rejects.toMatchObject({ errno: 'EOPNOTSUPP' });
    expect(await emulator.control.links()).toEqual([]);
    // From then on it is known.
    await emulator.control.resetCounts();
    await expect(share.make({ path: '/report.txt' }, options, never)).rejects.toMatchObject({ errno: 'EOPNOTSUPP', message: matching('no password') });
    expect(Object.keys((await emulator.control.state()).counts).filter((route) => route.startsWith('POST'))).toEqual([]);
  });

  test('a person who knows the form need not have it tried', async () => {
    const { share, emulator } = await start({ links: { form: 'new' } }, { form: 'new' });
    await emulator.control.resetCounts();
    await expect(share.make({ path: '/report.txt' }, guarded, never)).rejects.toMatchObject({ errno: 'EOPNOTSUPP' });
    expect(await emulator.control.links()).toEqual([]);
  });
});

describe('deposit links', () => {
  test('lead into a folder, and are listed and taken away apart from share links', async () => {
    const { deposit, share, emulator } = await start();
    const link = await deposit.make({ path: '/sub' }, { ...plain, expires: inAWeek }, never);
    expect(link).toMatchObject({ leadsTo: 'sub/', expires: inAWeek });
    expect(await emulator.control.links()).toMatchObject([{ kind: 'deposit', paths: ['/Commun/sub'] }]);
    expect(await deposit.list({ path: '/sub' }, never)).toEqual([link]);
    expect(await deposit.list({ path: '/' }, never)).toEqual([]);
    expect(await share.list(undefined, never)).toEqual([]);
    await expect(share.remove(link.id, never)).rejects.toMatchObject({ errno: 'ENOENT' });
    await deposit.remove(link.id, never);
    expect(await emulator.control.links()).toEqual([]);
  });

  test('not into a file, and with no password', async () => {
    const { deposit, emulator } = await start();
    await expect(deposit.make({ path: '/report.txt' }, plain, never)).rejects.toMatchObject({ errno: 'ENOTDIR' });
    await expect(deposit.make({ path: '/sub' }, { ...plain, password: 'x' }, never)).rejects.toMatchObject({ errno: 'EOPNOTSUPP' });
    expect(await emulator.control.links()).toEqual([]);
  });
});

describe('rights', () => {
  const allBut = (missing: string): string[] => ['read', 'download', 'write', 'edit', 'delete', 'share', 'dlink', 'ulink'].filter((right) => right !== missing);

  test.each(['dlink', 'ulink'])('without %s no request is made', async (right) => {
    const { share, deposit, emulator } = await start();
    await emulator.control.setRights('/Commun', allBut(right));
    await emulator.control.resetCounts();
    const [refused, allowed] = right === 'dlink' ? [share, deposit] : [deposit, share];
    await expect(refused.make({ path: '/sub' }, plain, never)).rejects.toMatchObject({ errno: 'EACCES', message: matching('/sub') });
    if (right === 'dlink') await expect(refused.make({ path: '/sub/other.txt' }, plain, never)).rejects.toMatchObject({ errno: 'EACCES' });
    expect(Object.keys((await emulator.control.state()).counts).filter((route) => route.startsWith('POST'))).toEqual([]);
    await allowed.make({ path: '/sub' }, plain, never);
  });
});

describe('what a person gives of his platform', () => {
  test('another body and another address', async () => {
    const { share, emulator } = await start({ links: { form: 'old', sharePath: '/partage/' } }, {
      shareBody: { files: ['{file}'], folders: ['{folder}'], expiration_date: '{expires-day}', notify: true }, shareAddress: '/partage/{key}',
    });
    const { address } = await share.make({ path: '/report.txt' }, { ...plain, expires: inAWeek }, never);
    expect(await (await fetch(address)).text()).toBe('report');
    await expect(share.make({ path: '/report.txt' }, { ...plain, password: 'x' }, never)).rejects.toMatchObject({ errno: 'EOPNOTSUPP' });
    expect(await emulator.control.links()).toHaveLength(1);
  });

  test('a body that leads elsewhere leaves no link', async () => {
    const { share, emulator } = await start({}, { shareBody: { roots: [{ id: '{id}', entity_type: 0 }] } });
    await expect(share.make({ path: '/' }, plain, never)).rejects.toMatchObject({ message: matching('link') });
    expect(await emulator.control.links()).toEqual([]);
  });
});

test('a link whose making was cut off is not made twice, and the person is told where to look', async () => {
  const { share, emulator } = await start();
  await emulator.control.addRule({ method: 'POST', times: 1, action: { kind: 'loseAnswer' } });
  await expect(share.make({ path: '/report.txt' }, plain, never)).rejects.toMatchObject({ errno: 'EIO', message: matching('--list') });
  expect(await emulator.control.links()).toHaveLength(1);
});

test.each([
  ['2024-01-01T00:00:00+02:00', Date.UTC(2023, 11, 31, 22)], ['14/02/2024', new Date(2024, 1, 14, 23, 59, 59).getTime()],
  ['2024-01-01 00:00:00', new Date(2024, 0, 1).getTime()], ['2024-01-01', new Date(2024, 0, 1, 23, 59, 59).getTime()],
  ['31/02/2024', undefined], ['soon', undefined], ['', undefined], [null, undefined], [12, undefined],
])('the date %s', (text, time) => {
  expect(readLinkDate(text)).toBe(time);
});

test.each([[0, 0, true], [0, 35 * 3_600_000, true], [0, -35 * 3_600_000, true], [0, 48 * 3_600_000, false], [0, undefined, false]])('asked for %s, told %s: %s', (asked, told, about) => {
  expect(isAbout(asked, told)).toBe(about);
});

describe('bodies', () => {
  const file = readFile({ id: 12, guid: 'abc', name: 'a' });
  const folder = readFolder({ id: '12', name: 'b' });
  if (file === undefined || folder === undefined) throw new Error('unreadable');
  const expires = Date.UTC(2027, 0, 31, 12);

  test.each([
    ['new', linkPatterns.new, file, { ...plain, expires }, { roots: [{ id: 12, guid: 'abc', entity_type: 0 }], name: 'n', expiration_date: '2027-01-31T12:00:00Z' }],
    ['new', linkPatterns.new, folder, plain, { roots: [{ id: 12, entity_type: 1 }], name: 'n' }],
    ['old', linkPatterns.old, file, { ...plain, password: 'p', downloads: 2 }, { files: [12], password: 'p', max_downloads: 2 }],
    ['old', linkPatterns.old, folder, plain, { folders: [12] }],
    ['a person\'s', { a: 'x{name}y{password}', b: { c: '{password}' }, d: [1, null] }, file, plain, { a: 'xny', b: {}, d: [1, null] }],
  ])('%s', (_form, pattern, object, options, body) => {
    expect(linkBody(pattern, object, 'n', options)).toEqual(body);
  });

  test.each(['', '[]', '"x"', '{', '{"a":"{nosuch}"}', 'null'])('%s is no pattern', (text) => {
    expect(readLinkPattern(text)).toBeUndefined();
  });
});
