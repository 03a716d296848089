/** NetExplorer as a drive, by what a person's programs see of it: rights, other people's locks, quota, large trees, dates that the platform ignores, and the end of a sign-in. */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { NetexplorerControl } from '../../../src/emulators/start.js';
import { useHarbours, type Harbour } from '../../support/amarre-mounts.js';
import { like } from '../../support/like.js';
import { netexplorer } from '../../support/platforms.js';
import { begin, eventually, run, shell, succeed } from '../../support/programs.js';

const make = useHarbours();
const mega = 2 ** 20;

const refused = async (harbour: Harbour<NetexplorerControl>, script: string, words: string): Promise<void> => {
  const { status, stderr } = await run('bash', ['-ec', `cd ${harbour.mountpoint}\n${script}`], { env: { LC_ALL: 'C' } });
  expect([script, status === 0, stderr]).toEqual([script, false, like(words)]);
};

/** The most that the serving process ever had in memory, bytes. */
async function peak(harbour: Harbour<NetexplorerControl>): Promise<number> {
  const [pid = 0] = await harbour.serving();
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

test('rights are modes and EACCES, a lock of somebody else EBUSY, a new version keeps its inode number; full is EDQUOT at close, and df says so; at the end the connection is given back', async () => {
  const harbour = await make(netexplorer());
  const { mountpoint, control, root } = harbour;
  for (const folder of ['closed', 'open']) await mkdir(join(root, folder));
  for (const name of ['closed/f', 'open/f', 'open/g']) await writeFile(join(root, name), 'content\n');
  await control.adopt();
  await control.setRights('/Commun/closed', ['read', 'download']);
  await control.lockBy('/Commun/open/g', 'marie');
  await control.setQuota({ platform: mega });
  await harbour.daemon('--dir-ttl', '300ms', '--attr-ttl', '0s');
  const here = (script: string): Promise<string> => shell(`cd ${mountpoint}\n${script}`);

  expect(await here('stat -c "%A %n" closed closed/f open open/f')).toBe('dr-xr-xr-x closed\n-r--r--r-- closed/f\ndrwxr-xr-x open\n-rw-r--r-- open/f\n');
  await control.resetCounts();
  for (const script of ['echo x > closed/f', 'echo x > closed/new', 'mkdir closed/d', 'rm closed/f', 'mv closed/f open/h', 'mv open/f closed/f']) await refused(harbour, script, 'Permission denied');
  const { counts } = await control.state();
  expect(Object.keys(counts).filter((route) => /upload|replace|create|change|delete/.test(route))).toEqual([]);
  expect(await here('cat closed/f')).toBe('content\n');

  expect(await here('cat open/g')).toBe('content\n');
  await refused(harbour, 'echo x > open/g', 'Device or resource busy');
  expect(await here('getfattr -n user.amarre.lock --only-values open/g')).toMatch(/[Mm]arie/);
  expect(await readFile(join(root, 'open/g'), 'utf8')).toBe('content\n');

  const number = await here('stat -c %i open/f');
  await here('echo another > open/f; echo third > open/f.new; mv open/f.new open/f');
  expect(await here('stat -c %i open/f')).toBe(number);
  await eventually('the listing is asked for again', async () => await here('sleep 0.4; ls open > /dev/null; stat -c %i open/f') === number);
  expect((await control.versionsOf('/Commun/open/f')).length).toBe(3);

  expect((await here('df -B1 --output=size . | tail -n 1')).trim()).toBe(String(mega));
  await refused(harbour, 'dd if=/dev/urandom of=open/f bs=1M count=3 status=none', 'Disk quota exceeded');
  expect(await readFile(join(root, 'open/f'), 'utf8')).toBe('third\n');
  expect((await harbour.umount()).status).toBe(6);
  expect(await control.signIns()).toMatchObject({ signedIn: [] });
});

test('find through 50,000 entries asks for the tree once, in a bound of memory; where the platform ignores dates a second rsync -a sends nothing, after a remount neither; --read-only', async () => {
  const harbour = await make(netexplorer({ surprises: { datesIgnored: true } }));
  const { mountpoint, control, root, folder } = harbour;
  await shell(`cd ${root}; mkdir tree; cd tree; for d in {1..500}; do mkdir d$d; done; for d in d*; do (cd $d; seq -f 'file-%g' 99 | xargs touch -d @1600000000); done`, { deadline: 60_000 });
  await harbour.daemon('--dir-ttl', '1m');
  const before = await peak(harbour);
  await succeed('stat', [join(mountpoint, 'tree')]);
  await control.resetCounts();
  expect(await shell(`find ${mountpoint}/tree -printf '%P %s\\n' | wc -l`, { deadline: 90_000 })).toBe('50001\n');
  const { counts } = await control.state();
  const taken = await peak(harbour) - before;
  console.log(`find through 50,000 entries: ${Object.entries(counts).map(([route, count]) => `${count} ${route}`).join(', ')}; ${Math.round(taken / mega)} MiB`);
  // Folders by themselves until the walk is noticed, and the one answer that holds the tree.
  expect(Object.keys(counts)).toEqual(['folder']);
  expect(counts['folder']).toBeLessThan(10);
  expect((await control.log()).filter(({ responseBytes }) => responseBytes > mega)).toHaveLength(1);
  expect(taken).toBeLessThan(200 * mega);

  const rsync = () => succeed('rsync', ['-a', '--itemize-changes', '--no-owner', '--no-group', `${folder}/source/`, `${mountpoint}/copy/`]);
  await shell(`cd ${folder}; mkdir -p source/sub; for n in 1 2 3 4; do echo $n > source/$n; echo $n > source/sub/$n; done; find source -exec touch -d '2019-01-02 UTC' {} +`);
  expect(await rsync()).toContain('sub/4');
  expect(await rsync()).toBe('');
  expect((await harbour.umount()).status).toBe(0);

  await harbour.daemon('--read-only');
  expect(await rsync()).toBe('');
  await refused(harbour, 'echo x > copy/1', 'Read-only file system');
  await refused(harbour, 'rm copy/1', 'Read-only file system');
  expect((await harbour.umount()).status).toBe(0);
  expect(await control.signIns()).toMatchObject({ signedIn: [] });
}, 150_000);

test('a sign-in that is refused while mounted: everything that asks is EACCES, and what was not sent is kept and sent by the next mount', async () => {
  const harbour = await make(netexplorer());
  const { mountpoint, control, root } = harbour;
  await writeFile(join(root, 'f'), 'old\n');
  await harbour.daemon();
  await succeed('cat', [join(mountpoint, 'f')]);
  const script = `import os, sys, time
d = os.open(sys.argv[1], os.O_WRONLY | os.O_TRUNC)
os.write(d, b'changed\\n')
open(sys.argv[2] + '/written', 'w').close()
while not os.path.exists(sys.argv[2] + '/go'): time.sleep(0.02)
os.close(d)`;
  const writer = begin('python3', ['-c', script, join(mountpoint, 'f'), harbour.folder]);
  await eventually('it is written', () => existsSync(join(harbour.folder, 'written')));
  await control.refuseSignIn('expired');
  await control.endSessions(true);
  await writeFile(join(harbour.folder, 'go'), '');
  const { status, stderr } = await writer.result;
  expect([status, stderr]).toEqual([1, like('Permission denied')]);
  await refused(harbour, 'echo x > g', 'Permission denied');
  expect(await readFile(join(root, 'f'), 'utf8')).toBe('old\n');
  expect(await readFile(join(harbour.state, 'amarre.log'), 'utf8')).toContain('votre compte a expiré');
  // What is unsent is told, and kept.
  expect((await harbour.umount()).status).toBe(6);
  await control.refuseSignIn();
  await harbour.daemon();
  await eventually('the next mount has sent it', async () => await readFile(join(root, 'f'), 'utf8') === 'changed\n');
  expect((await harbour.umount()).status).toBe(0);
  expect(await control.signIns()).toMatchObject({ signedIn: [] });
});
