/** What a person sees at once: what is not safe yet. */
import { describe, expect, test } from 'vitest';
import type { MountStatus } from '../../src/cli/control/protocol.js';
import { statusOf, type StatusReport } from '../../src/cli/status-report.js';
import { renderStatus, showSpan } from '../../src/cli/status-view.js';

const calm: MountStatus = {
  instance: 'abcdefghijkl', pid: 4711, mountpoint: '/mnt/files', remote: 'sftpgo+https://ann@host/team', readOnly: false, phase: 'mounted',
  started: '2026-01-01T00:00:00Z', now: '2026-01-01T03:12:00Z', openFiles: 1, openFolders: 0, files: [], moreFiles: 0,
  unsent: { files: 0, sending: 0, bytes: 0 }, kept: [], moreKept: 0, failures: [],
  cache: { blocks: 251, memoryUsed: 32 * 2 ** 20, memoryBudget: 256 * 2 ** 20, blockHits: 93, blockMisses: 7, listings: 12, listedNames: 3410, listingHits: 0, listingMisses: 0, inodes: 9 },
  processMemory: 150 * 2 ** 20, requests: { active: 2, waiting: 0, routes: [] },
};
const busy: MountStatus = {
  ...calm,
  unsent: { files: 3, sending: 2, bytes: 60 * 2 ** 20 },
  files: [
    { path: '/reports/2026.pdf', size: 50 * 2 ** 20, handles: 1, writers: 1, state: 'sending', upload: { sent: 34 * 2 ** 20, perSecond: 2 * 2 ** 20, age: 17_000 } },
    { path: '/done', size: 5 * 2 ** 20, handles: 1, writers: 1, state: 'sending', upload: { sent: 5 * 2 ** 20, perSecond: 0, age: 4_000 } },
    { path: '/copy', size: 5, handles: 1, writers: 1, state: 'sending' },
    { path: '/db', size: 5 * 2 ** 20, handles: 1, writers: 1, state: 'unsent' },
    { path: '/read', size: 5, handles: 1, writers: 0, state: 'sent' },
  ],
  kept: [{ path: '/lost', size: 2048, kept: '/state/3.data', reason: 'the quota is full' }],
  failures: [{ time: '2026-01-01T03:00:00Z', times: 3, operation: 'FLUSH', path: '/lost', errno: 'EDQUOT', message: 'the quota is full' }],
  requests: { active: 2, waiting: 1, routes: [{
    route: 'GET /user/files', count: 1204, perSecond: 12.04, refused: 1, failed: 2, broken: 3, interrupted: 0, bytesIn: 10 * 2 ** 20, bytesOut: 0,
    bytesInPerSecond: 0, bytesOutPerSecond: 0, latency: { mean: 13, median: 12, p95: 1500, max: 2000 },
  }] },
};
const only = (...mounts: MountStatus[]): StatusReport => ({ mounts, mute: [], kept: [] });
const look = { color: false, lines: 20 };
const text = (report: StatusReport) => renderStatus(report, look).join('\n');

describe('a mount', () => {
  test('at rest says so in its second line', () => {
    const [first, second, third] = renderStatus(only(calm), look);
    expect([first, second, third]).toEqual(['/mnt/files  sftpgo+https://ann@host/team', '  everything written is on the platform', '  up 3 h 12 min, process 4711']);
    expect(text(only(calm))).toContain('32.0 MiB of 256.0 MiB in 251 blocks');
    expect(text(only(calm))).toContain('93 % of 100 blocks');
  });

  test('with unsent and unsendable files says that first, then which, how far and why', () => {
    const lines = renderStatus(only(busy), look);
    expect(lines[1]).toBe('  3 files are not safe yet (60.0 MiB), 1 file could not be sent');
    const shown = lines.join('\n');
    expect(shown).toMatch(/\/reports\/2026\.pdf +█{11}░{5} 68 % +34\.0 MiB of 50\.0 MiB +2\.0 MiB\/s, 8\.0 s left/);
    expect(shown).toMatch(/\/done .*all is out; the platform has to say that it has it \(4\.0 s so far\)/);
    expect(shown).toMatch(/\/db +open +5\.0 MiB +goes out when its program closes it/);
    expect(shown).toMatch(/\/copy +copying +5 bytes +the platform copies it by itself/);
    expect(shown).toContain('/lost (2.0 KiB): the quota is full');
    expect(shown).toContain('kept in /state/3.data');
    expect(shown).toMatch(/FLUSH {2}EDQUOT {2}\/lost \(3 times\) {2}the quota is full/);
    expect(shown).toMatch(/GET \/user\/files +1,204 +12\.0 +1 +5 +10\.0 MiB +0 bytes +12 ms +1\.5 s/);
    expect(shown).not.toContain('/read');
  });

  test('has colors only where they are wanted', () => {
    expect(text(only(busy))).not.toContain('\u001b');
    expect(renderStatus(only(busy), { color: true, lines: 20 }).join('')).toContain('\u001b[33m');
  });

  test('with a hostile name does nothing to the terminal, and stays in its line', () => {
    const name = '/\u001b[2J\u001b]0;x\u0007\n\r/etc \u202egnp.exe';
    const hostile = { ...busy, mountpoint: name, remote: name, files: busy.files.map((file) => ({ ...file, path: name })), failures: busy.failures.map((one) => ({ ...one, path: name, message: name })), kept: [{ path: name, size: 1, kept: name, reason: name }] };
    const before = renderStatus(only(busy), look).length;
    const lines = renderStatus(only(hostile), look);
    expect(lines.length).toBe(before);
    expect(lines.join('')).not.toMatch(/[\p{Cc}\u202e]/u);
  });

  test('with thousands of files shows the first, and how many more', () => {
    const files = Array.from({ length: 200 }, (_, index) => ({ path: `/${index}`, size: 1, handles: 1, writers: 1, state: 'unsent' as const }));
    const lines = renderStatus(only({ ...calm, files, unsent: { files: 5000, sending: 0, bytes: 5000 } }), look);
    expect(lines.length).toBeLessThan(40);
    expect(lines.join('\n')).toContain('and 4,980 more');
  });
});

describe('mounts that do not answer, and what earlier ones left', () => {
  const dead = { mountpoint: '/mnt/dead', remote: 'r', pid: 12, state: 'dead', reason: 'its process (12) died; amarre umount takes the mount away' } as const;
  test('are told', () => {
    const shown = text({ mounts: [], mute: [dead], kept: busy.kept });
    expect(shown).toContain('dead: its process (12) died');
    expect(shown).toContain('Left by earlier mounts, and not on the platform\n  /lost (2.0 KiB)');
    expect(text({ mounts: [], mute: [], kept: [] })).toBe('Nothing is mounted, and nothing is left to send.');
  });

  test.each([
    ['all well', only(calm), 0],
    ['files on their way are well', only({ ...busy, kept: [] }), 0],
    ['files that could not be sent', only(busy), 6],
    ['files of earlier mounts', { mounts: [calm], mute: [], kept: busy.kept }, 6],
    ['a dead mount', { mounts: [busy], mute: [dead], kept: [] }, 7],
    ['a silent one', { mounts: [calm], mute: [{ ...dead, state: 'silent' }], kept: [] }, 1],
    ["another user's is nobody's business", { mounts: [calm], mute: [{ ...dead, state: 'foreign' }], kept: [] }, 0],
  ] as const)('exit status: %s', (_, report, status) => expect(statusOf(report)).toBe(status));
});

test.each([
  [0, '0 ms'], [12.4, '12 ms'], [999, '999 ms'], [1000, '1.0 s'], [9_940, '9.9 s'], [59_000, '59 s'], [60_000, '1 min'], [200_000, '3 min 20 s'],
  [3_600_000, '1 h'], [18_180_000, '5 h 3 min'], [360_000_000, '4 d 4 h'],
])('%d ms is %s', (milliseconds, shown) => expect(showSpan(milliseconds)).toBe(shown));
