/** What happened to a document, as the platform tells it. */
import { expect, test } from 'vitest';
import { readTimeline } from '../../../src/providers/netexplorer/history.js';
import { never } from '../subject.js';
import { startSubject } from './subject.js';

const made = Date.UTC(2024, 5, 1, 10);

test('the newest comes first, with who and when; a folder has none', async () => {
  const subject = await startSubject();
  try {
    const { provider, backstage, emulator } = subject;
    await backstage.put('/sub/report.txt', Buffer.from('one'), made);
    await emulator.control.describe('/Commun/sub/report.txt', { events: [{ at: Date.now() - 60_000, action: 'download', login: 'admin' }] });
    await emulator.control.writeAs('/Commun/sub/report.txt', 'two', 'marie');
    await provider.connect(never);
    const events = await provider.services?.history?.list({ path: '/sub/report.txt' }, never) ?? [];
    expect(events.map(({ event, who }) => [event, who])).toEqual([[expect.any(String), 'marie'], ['download', 'admin'], ['create', expect.any(String)]]);
    const times = events.map(({ time }) => time);
    expect(times).toEqual(times.toSorted((one, other) => other - one));
    expect(times.at(-1)).toBe(made);
    await expect(provider.services?.history?.list({ path: '/sub' }, never)).rejects.toMatchObject({ errno: 'EISDIR' });
    await expect(provider.services?.history?.list({ path: '/sub/nothing' }, never)).rejects.toMatchObject({ errno: 'ENOENT' });
  } finally {
    await subject.close();
  }
});

test.each([
  ['an array', [{ date: '2024-06-01T12:00:00+02:00', action: 'create', owner: 'Ann' }], [{ time: made, event: 'create', who: 'Ann' }]],
  ['a page', { nb_objects: 1, objects: [{ creation: '2024-06-01T12:00:00+0200', type: 'read', user: { name: 'Ann' } }] }, [{ time: made, event: 'read', who: 'Ann' }]],
  ['named', { timeline: [{ date: '2024-06-01T10:00:00Z', message: 'Téléchargé' }] }, [{ time: made, event: 'Téléchargé', who: undefined }]],
  ['without a time or a word', [{ action: 'create' }, { date: '2024-06-01T10:00:00Z' }, 3, null], []],
  ['nothing', [], []],
  ['no list', { hello: 1 }, undefined],
])('a timeline: %s', (_what, answer, events) => {
  expect(readTimeline(answer)).toEqual(events);
});
