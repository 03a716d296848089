/** What a running mount answers over its socket: `amarre status`, `refresh` and `umount` as a person uses them. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { mountStatusSchema, type MountStatus } from '../../../src/cli/control/protocol.js';
import { useHarbour, type Harbour } from '../../support/amarre-mounts.js';
import { amarre } from '../../support/cli.js';
import { anotherUser } from '../../support/ordinary-user.js';
import { begin, eventually, run, shell, succeed, type RunningProgram } from '../../support/programs.js';

const harbour = useHarbour();

const reportSchema = z.object({
  mounts: z.array(mountStatusSchema),
  mute: z.array(z.object({ mountpoint: z.string(), state: z.string() })),
  kept: z.array(z.object({ path: z.string(), kept: z.string() })),
});

async function ask(drive: Harbour): Promise<z.infer<typeof reportSchema> & { readonly status: number | undefined }> {
  const { status, stdout } = await drive.run(['status', '--json', '--cache-dir', drive.state]);
  return { status, ...reportSchema.parse(JSON.parse(stdout)) };
}

async function mountOf(drive: Harbour): Promise<MountStatus> {
  const [mount] = (await ask(drive)).mounts;
  if (mount === undefined) throw new Error('no mount answers');
  return mount;
}

/** An upload of 40 MB of which the server takes the first part and no more, until `removeRules`. */
async function startUpload(drive: Harbour): Promise<RunningProgram> {
  await drive.control.addRule({ route: 'upload', times: 0, action: { kind: 'stall', at: 'uploadBody', afterBytes: 1_000_000 } });
  const copying = begin('dd', ['if=/dev/zero', `of=${join(drive.mountpoint, 'large file')}`, 'bs=1000000', 'count=40'], { deadline: 50_000 });
  await eventually('the upload is under way', async () => (await drive.control.state()).stalled > 0);
  return copying;
}

/** A script in a folder of the mount. The shell goes there by itself: a process that is started there makes its starter wait, who has the server in it. */
const shellIn = (folder: string, script: string) => shell(`cd '${folder}'; ${script}`);

const socketIn = async (drive: Harbour) => {
  const [name = ''] = (await readdir(join(drive.state, 'mounts'))).filter((one) => one.endsWith('.sock'));
  return join(drive.state, 'mounts', name);
};

describe('amarre status', () => {
  test('shows an upload and how far it has come, and then that all is safe', async () => {
    const drive = await harbour();
    await drive.daemon();
    const copying = await startUpload(drive);
    const mount = await mountOf(drive);
    expect(mount.unsent).toEqual({ files: 1, sending: 1, bytes: 40_000_000 });
    const [file] = mount.files;
    expect(file).toMatchObject({ path: '/large file', size: 40_000_000, state: 'sending', writers: 1 });
    expect(file?.upload?.sent).toBeGreaterThanOrEqual(1_000_000);
    expect(file?.upload?.sent).toBeLessThan(40_000_000);
    const shown = await drive.run(['status', drive.mountpoint, '--cache-dir', drive.state]);
    expect([shown.status, shown.stderr]).toEqual([0, '']);
    expect(shown.stdout).toContain('1 file is not safe yet (38.1 MiB)');
    expect(shown.stdout).toMatch(/\/large file +█*░+ \d+ % +\S+ MiB of 38\.1 MiB/);
    await drive.control.removeRules();
    expect((await copying.result).status).toBe(0);
    expect((await mountOf(drive)).unsent.files).toBe(0);
    // By a path on the mount, found without being told the folder of its state.
    const calm = await drive.run(['status', join(drive.mountpoint, 'large file')]);
    expect(calm.stdout).toContain('everything written is on the platform');
    const routes = (await mountOf(drive)).requests.routes;
    expect(routes.find(({ route }) => route === 'POST /user/files/upload')).toMatchObject({ count: 1, bytesOut: 40_000_000 });
    for (const { route } of routes) expect(route).toMatch(/^[A-Z]+ \/user\/[a-z/-]+$/);
    expect((await drive.umount()).status).toBe(0);
  });

  test('shows what could not be sent, where it is kept and why, also when the mount is over: status 6', async () => {
    const drive = await harbour({ quotaBytes: 1000 });
    await drive.daemon();
    expect((await run('cp', ['/proc/self/maps', join(drive.mountpoint, 'too large')])).status).toBe(1);
    let kept = '';
    await eventually('it is kept', async () => {
      const { status, mounts } = await ask(drive);
      kept = mounts[0]?.kept[0]?.kept ?? '';
      return status === 6 && mounts[0]?.kept[0]?.path === '/too large';
    });
    expect((await stat(kept)).size).toBeGreaterThan(1000);
    const [failure] = (await mountOf(drive)).failures;
    expect(failure).toMatchObject({ operation: 'FLUSH', path: '/too large', errno: 'EDQUOT' });
    const shown = await drive.run(['status', '--cache-dir', drive.state]);
    expect(shown.stdout).toContain('1 file could not be sent');
    expect(shown.stdout).toContain(`kept in ${kept}`);
    expect((await drive.umount()).status).toBe(6);
    expect(await ask(drive)).toMatchObject({ status: 6, mounts: [], kept: [{ path: '/too large', kept }] });
  });

  test('of a mount whose process was killed: told, status 7; umount takes it away, and its socket goes with the next mount', async () => {
    const drive = await harbour();
    await drive.daemon();
    const socket = await socketIn(drive);
    const [pid = 0] = await drive.serving();
    process.kill(pid, 'SIGKILL');
    await eventually('it is gone', async () => (await drive.serving()).length === 0);
    const shown = await drive.run(['status', drive.mountpoint, '--cache-dir', drive.state]);
    expect([shown.status, shown.stdout]).toEqual([7, expect.stringContaining(`dead: its process (${pid}) died`)]);
    expect((await drive.run(['refresh', join(drive.mountpoint, 'x'), '--cache-dir', drive.state])).status).toBe(7);
    expect((await drive.umount()).status).toBe(7);
    await drive.daemon();
    await expect(stat(socket)).rejects.toThrow('ENOENT');
    expect((await drive.umount()).status).toBe(0);
    expect((await readdir(join(drive.state, 'mounts'))).filter((name) => name.endsWith('.sock'))).toEqual([]);
  });

  test('another user is not let in, even where he may look into the folder', async () => {
    const drive = await harbour();
    await drive.daemon();
    const socket = await socketIn(drive);
    expect((await stat(socket)).mode & 0o777).toBe(0o600);
    const connect = 'require("net").connect(process.argv[1]).on("connect", () => process.exit(0)).on("error", (e) => { console.log(e.code); process.exit(1); })';
    const asAnother = () => run('setpriv', ['--reuid', String(anotherUser), '--regid', String(anotherUser), '--clear-groups', process.execPath, '-e', connect, socket]);
    expect(await asAnother()).toMatchObject({ status: 1, stdout: 'EACCES\n' });
    // Not only the folders above it keep him out.
    for (const folder of [drive.folder, drive.state, join(drive.state, 'mounts')]) await chmod(folder, 0o711);
    expect(await asAnother()).toMatchObject({ status: 1, stdout: 'EACCES\n' });
    expect((await drive.umount()).status).toBe(0);
  });
});

describe('amarre refresh', () => {
  const patient = ['--dir-ttl', '1h', '--attr-ttl', '1h'];

  test('a change on the server shows at once: a new file, a longer one, one that is gone', async () => {
    const drive = await harbour();
    await mkdir(join(drive.root, 'folder'));
    await writeFile(join(drive.root, 'folder', 'longer'), 'short');
    await writeFile(join(drive.root, 'folder', 'gone'), 'x');
    // A file of this very moment is asked for again at each open.
    await utimes(join(drive.root, 'folder', 'longer'), 1_500_000_000, 1_500_000_000);
    await drive.daemon(...patient);
    const folder = join(drive.mountpoint, 'folder');
    const look = () => shellIn(folder, 'ls; cat longer; test -e new && echo new || echo none');
    expect(await look()).toBe('gone\nlonger\nshortnone\n');
    await writeFile(join(drive.root, 'folder', 'longer'), 'much longer');
    await writeFile(join(drive.root, 'folder', 'new'), '');
    await rm(join(drive.root, 'folder', 'gone'));
    expect(await look()).toBe('gone\nlonger\nshortnone\n');
    const refreshed = await drive.run(['refresh', folder]);
    expect([refreshed.status, refreshed.stdout, refreshed.stderr]).toEqual([0, '', '']);
    expect(await look()).toBe('longer\nnew\nmuch longernew\n');
    expect((await drive.umount()).status).toBe(0);
  });

  test('of a folder that is gone on the server, by whoever stands in it, ends and tells the truth', async () => {
    const drive = await harbour();
    await mkdir(join(drive.root, 'folder', 'below'), { recursive: true });
    await drive.daemon(...patient);
    const below = join(drive.mountpoint, 'folder', 'below');
    await succeed('ls', [below]);
    // Its place is kept while the folder is.
    const refreshHere = amarre('refresh', '.', '--cache-dir', drive.state).map((word) => `'${word}'`).join(' ');
    expect(await shellIn(below, `${refreshHere}; /bin/pwd`)).toBe(`${below}\n`);
    const waiting = join(drive.folder, 'removed');
    const entered = join(drive.folder, 'entered');
    const inside = shellIn(below, `touch '${entered}'; until test -e '${waiting}'; do sleep 0.1; done; ${refreshHere}; echo ended`);
    await eventually('somebody stands in it', () => existsSync(entered));
    await rm(join(drive.root, 'folder'), { recursive: true });
    await writeFile(waiting, '');
    expect(await inside).toBe('ended\n');
    expect((await drive.run(['refresh', join(drive.mountpoint, 'folder')])).status).toBe(0);
    expect((await run('ls', [join(drive.mountpoint, 'folder')])).stderr).toContain('No such file');
    expect((await drive.umount()).status).toBe(0);
  });

  test('while 50 processes create in that folder comes to no deadlock, and loses nothing of theirs', async () => {
    const drive = await harbour();
    await drive.daemon(...patient);
    await succeed('mkdir', [join(drive.mountpoint, 'folder')]);
    const script = 'seq 50 | xargs -P 50 -I{} bash -c \'for i in 1 2 3 4; do echo {} $i > made-{}-$i; ls > /dev/null; done\'';
    const creating = begin('bash', ['-e', '-c', `cd '${join(drive.mountpoint, 'folder')}'; ${script}`], { deadline: 50_000 });
    const over = new AbortController();
    const note = () => {
      over.abort();
    };
    void creating.result.then(note, note);
    let times = 0;
    while (!over.signal.aborted) {
      expect((await drive.run(['refresh', drive.mountpoint, '--cache-dir', drive.state])).status).toBe(0);
      times += 1;
    }
    expect((await creating.result).status).toBe(0);
    expect(times).toBeGreaterThan(0);
    expect((await readdir(join(drive.root, 'folder'))).length).toBe(200);
    expect((await drive.umount()).status).toBe(0);
  });
});

describe('amarre umount', () => {
  test('tells how far an upload has come while it waits for it', async () => {
    const drive = await harbour();
    await drive.daemon();
    const copying = await startUpload(drive);
    const [command, ...words] = amarre('umount', drive.mountpoint);
    const unmounting = begin(command, words, { deadline: 40_000 });
    await eventually('the mount ends', async () => (await mountOf(drive)).phase === 'ending');
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await drive.control.removeRules();
    expect((await copying.result).status).toBe(0);
    const { status, stderr } = await unmounting.result;
    expect(status).toBe(0);
    expect(stderr).toMatch(/waiting for 1 file to be sent: [\d.]+ MiB of 38\.1 MiB are out \(\d+ %\), \S+ \S+\/s; Ctrl-C leaves/);
    expect((await stat(join(drive.root, 'large file'))).size).toBe(40_000_000);
    expect(await drive.isMounted()).toBe(false);
  });

  test('works where the socket is gone', async () => {
    const drive = await harbour();
    await drive.daemon();
    await rm(await socketIn(drive));
    const asked = await ask(drive);
    expect([asked.status, asked.mute.map(({ state }) => state)]).toEqual([1, ['silent']]);
    expect((await drive.umount()).status).toBe(0);
    expect(await drive.isMounted()).toBe(false);
  });
});
