/** `amarre doctor` run by an ordinary user: what keeps him from mounting is named as `amarre mount` would name it. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { useHarbour } from '../../support/amarre-mounts.js';
import { replaceHelpers, useOrdinaryUser, withoutKoffi, type WorldOptions } from '../../support/ordinary-user.js';
import { like } from '../../support/like.js';

const harbour = useHarbour();
const ordinary = useOrdinaryUser();

const findings = z.array(z.looseObject({ check: z.string(), verdict: z.string(), found: z.string(), remedy: z.string().optional() }));
const reportSchema = z.object({ works: z.boolean(), machine: findings });

async function examine(options: WorldOptions) {
  const drive = await harbour();
  const user = await ordinary(drive, options);
  const { status, stdout } = await user.amarre('doctor', '--json', '--cache-dir', join(drive.folder, 'home/state'));
  const { works, machine } = reportSchema.parse(JSON.parse(stdout));
  expect([works, status]).toEqual([status === 0, works ? 0 : 1]);
  expect(await user.shell('grep -c amarre-trial /proc/self/mountinfo || true; ls $TMPDIR')).toBe('0\n');
  return {
    status,
    machine,
    failed: Object.fromEntries(machine.filter(({ verdict }) => verdict === 'failed').map(({ check, found, remedy }) => [check, `${found} → ${remedy ?? ''}`])),
  };
}

test('who can mount is told so, and by what', async () => {
  const { status, machine, failed } = await examine({ fuseConf: 'user_allow_other\nmount_max = 7\n' });
  expect([status, failed]).toEqual([0, {}]);
  const found = Object.fromEntries(machine.map((finding) => [finding.check, finding.found]));
  expect(found).toMatchObject({
    '/dev/fuse': 'mode 0666, can be opened by this user',
    'fusermount3': like(/^\/.*fusermount3, setuid root$/),
    'koffi': 'can be loaded',
    'way to mount': like(/^through \/.*fusermount3$/),
    'trial mount': 'made on an empty folder, and taken away',
    'allow_other': like('lets users share'),
    'mount_max': like(/^\d FUSE mounts? of 7$/),
  });
});

test('root of a user namespace is told so', async () => {
  const { status, machine } = await examine({ unshare: true });
  expect(status).toBe(0);
  expect(machine.find(({ check }) => check === 'way to mount')?.found).toBe('by mount(8), as root of a user namespace');
});

test.each<[string, WorldOptions, string, RegExp]>([
  ['/dev/fuse is for root alone', { device: '600' }, '/dev/fuse', /mode 0600, may not be opened by this user → sudo chmod 666 \/dev\/fuse/],
  ['/dev/fuse is for root alone, in a user namespace', { device: '600', unshare: true }, '/dev/fuse', /mode 0600, may not be opened/],
  ['there is no fusermount3', { prepare: replaceHelpers('/dev/null') }, 'fusermount3', /not in the PATH → sudo apt-get install fuse3/],
  ['there is no koffi', { prepare: withoutKoffi }, 'koffi', /cannot be loaded → npm install koffi/],
  ['there are too many mounts', { fuseConf: 'mount_max = 0\n' }, 'mount_max', /of 0 → unmount some, or raise mount_max/],
])('where %s a mount fails, and so says the doctor', async (_, options, check, line) => {
  const { status, failed } = await examine(options);
  expect(status).toBe(1);
  expect(failed[check]).toMatch(line);
});

test('a fusermount3 that is not setuid is found by the trial, with its words', async () => {
  const notSetuid = `cp "$(command -v fusermount3)" "$folder/plain"; chmod 755 "$folder/plain"; ${replaceHelpers('$folder/plain')}`;
  const { machine, failed } = await examine({ prepare: notSetuid });
  expect(Object.keys(failed)).toEqual(['trial mount']);
  expect(machine.find(({ check }) => check === 'fusermount3')).toMatchObject({ verdict: 'warning', remedy: like('--reinstall fuse3') });
});
