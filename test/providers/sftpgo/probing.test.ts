/** An account's rights, found by trying each; what is tried with is deleted again. */
import { afterEach, describe, expect, test } from 'vitest';
import type { FaultRule, SftpgoOptions } from '../../../src/emulators/start.js';
import { rights, type AccountFacts, type ExaminationOptions, type Right } from '../../../src/providers/probe.js';
import { like } from '../../support/like.js';
import { startSubject, type SftpgoSubject } from './subject.js';

const subjects: SftpgoSubject[] = [];
afterEach(async () => {
  for (const subject of subjects.splice(0)) await subject.close();
});

const options: ExaminationOptions = { write: true, bytes: 200_000, deadline: 2_000 };

async function start(user: string, more: { base?: string; emulator?: SftpgoOptions } = {}): Promise<SftpgoSubject> {
  const subject = await startSubject({ user, ...more });
  subjects.push(subject);
  return subject;
}

async function examine(subject: SftpgoSubject, more: Partial<ExaminationOptions> = {}, signal = new AbortController().signal): Promise<AccountFacts> {
  const facts = await subject.provider.probe?.examine({ ...options, ...more }, signal);
  if (facts === undefined) throw new Error('there is no probe');
  return facts;
}

const results = (facts: AccountFacts) => rights.map((right): [Right, string] => [right, facts.rights[right].result]);
const all = (result: string, except: Partial<Record<Right, string>> = {}) => rights.map((right) => [right, except[right] ?? result]);

describe('rights', () => {
  test('are all granted to who has them, and nothing is left', async () => {
    const subject = await start('u', { base: '/team' });
    const facts = await examine(subject);
    expect(results(facts)).toEqual(all('granted'));
    expect(facts).toMatchObject({ ranges: { result: 'granted' }, left: [], upload: { bytes: 200_000 }, download: { bytes: 200_000 } });
    expect(facts.latency).toBeGreaterThan(0);
    expect(await subject.backstage.tree()).toEqual([]);
  });

  test.each<[string, Partial<Record<Right, string>>]>([
    // Whoever may not list may not look at a file either, which the server does before it sends one.
    ['no_list', { list: 'refused', download: 'refused' }],
    ['no_download', { download: 'refused' }],
    ['no_overwrite', { overwrite: 'refused' }],
    ['no_rename', { rename: 'refused' }],
    ['no_create_dirs', { 'create folders': 'refused' }],
    ['no_chtimes', { 'set times': 'refused' }],
    ['no_copy', { copy: 'refused' }],
    ['no_upload', { 'upload': 'refused', 'download': 'not tried', 'overwrite': 'not tried', 'rename': 'not tried', 'set times': 'not tried', 'copy': 'not tried' }],
  ])('of %s, and nothing is left', async (user, expected) => {
    const subject = await start(user);
    expect(results(await examine(subject))).toEqual(all('granted', expected));
    expect(await subject.backstage.tree()).toEqual([]);
  });

  test('to delete are found out before more than one file is there, which is told', async () => {
    const subject = await start('no_delete');
    const facts = await examine(subject);
    expect(results(facts)).toEqual(all('granted', { 'delete': 'refused', 'create folders': 'not tried', 'copy': 'not tried' }));
    expect(facts.left).toHaveLength(1);
    expect(await subject.backstage.tree()).toEqual(facts.left);
  });

  test('of who may only read are tried on a file that is there', async () => {
    const subject = await start('ro');
    await subject.backstage.put('/a file', Buffer.from('its bytes'), Date.UTC(2024, 0, 1));
    const facts = await examine(subject);
    expect(results(facts).filter(([, result]) => result === 'granted')).toEqual([['list', 'granted'], ['download', 'granted']]);
    expect(facts).toMatchObject({ ranges: { result: 'granted' }, download: { bytes: 9 }, upload: undefined });
  });
});

describe('an operator who offers the four documented services only', () => {
  test.each([403, 404, 405] as const)('and refuses the others with %i: files can be read and not tried to be written, since nothing could be deleted', async (status) => {
    const subject = await start('u', { emulator: { refuseOthers: status } });
    await subject.backstage.put('/a file', Buffer.from('its bytes'), Date.UTC(2024, 0, 1));
    const facts = await examine(subject);
    expect(facts.rights).toMatchObject({ list: { result: 'granted' }, download: { result: 'granted', how: 'granted, through streamzip' }, upload: { result: 'not tried' } });
    expect(facts).toMatchObject({ ranges: { result: 'refused' }, download: { bytes: 9 }, left: [] });
    expect(await subject.backstage.tree()).toEqual(['/a file']);
  });

  test('and deletion: an upload goes as a form', async () => {
    const subject = await start('u');
    await subject.emulator.control.addRule({ route: 'upload', times: 0, action: { kind: 'answer', status: 404, body: 'no such service' } });
    const facts = await examine(subject);
    expect(facts.rights).toMatchObject({ upload: { result: 'granted', how: like('as a form') }, download: { result: 'granted' }, rename: { result: 'granted' } });
    expect(await subject.backstage.tree()).toEqual([]);
  });
});

test('where nothing is to be written no request could change anything', async () => {
  const subject = await start('u');
  await subject.backstage.put('/a file', Buffer.from('its bytes'), Date.UTC(2024, 0, 1));
  const facts = await examine(subject, { write: false });
  expect(results(facts)).toEqual(all('not tried', { list: 'granted', download: 'granted' }));
  const methods = new Set((await subject.emulator.control.log()).map(({ method }) => method));
  expect([...methods].sort()).toEqual(['GET', 'HEAD']);
});

describe('a check that fails does not end the others, and nothing is left', () => {
  test.each<[string, FaultRule, Partial<Record<Right, string>>]>([
    ['the server fails at copying', { route: 'copy', times: 0, action: { kind: 'answer', status: 500, body: { error: 'failure' } } }, { copy: 'failed' }],
    ['a move is never answered', { route: 'move', times: 0, action: { kind: 'stall', at: 'request' } }, { rename: 'failed' }],
    ['the answer of a new folder is lost', { route: 'mkdir', times: 0, action: { kind: 'loseAnswer' } }, { 'create folders': 'failed' }],
    ['a proxy answers for the route', { route: 'metadata', times: 0, action: { kind: 'answer', status: 405, body: '' } }, { 'set times': 'refused' }],
  ])('%s', async (_, rule, expected) => {
    const subject = await start('u');
    await subject.emulator.control.addRule(rule);
    expect(results(await examine(subject, { deadline: 700 }))).toEqual(all('granted', expected));
    expect(await subject.backstage.tree()).toEqual([]);
  });

  test('the server sends the whole file where a part is asked for', async () => {
    const subject = await start('ro');
    await subject.backstage.put('/a file', Buffer.from('its bytes'), Date.UTC(2024, 0, 1));
    await subject.emulator.control.addRule({ route: 'get', path: '/a file', times: 0, action: { kind: 'answer', status: 200, body: 'its bytes' } });
    expect((await examine(subject)).ranges).toEqual({ result: 'failed', said: 'the server sends the whole file where a part is asked for' });
  });
});

test('an interrupt ends it, and what was made is deleted all the same', async () => {
  const subject = await start('u');
  const { control } = subject.emulator;
  await control.addRule({ route: 'metadata', action: { kind: 'stall', at: 'request' } });
  const stop = new AbortController();
  const examination = examine(subject, { deadline: 60_000 }, stop.signal);
  while ((await control.state()).stalled === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(await subject.backstage.tree()).toHaveLength(1);
  stop.abort();
  await expect(examination).rejects.toThrow();
  expect(await subject.backstage.tree()).toEqual([]);
});
