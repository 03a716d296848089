/** Who is compared: Amarre on its drivers, and as an ordinary user; rclone mount, the peer. */
import { type ChildProcess } from 'node:child_process';
import { chmod, chown, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { end, firstLine, start, until } from './programs.js';

/** Where a comparison takes place. */
export interface Place {
  /** The folder of all of it. */
  readonly work: string;
  /** What both servers serve. */
  readonly served: string;
  readonly mountpoint: string;
  /** Milliseconds by which a server's answers are late. */
  readonly latency: number;
}

export interface Mounted {
  /** The words before a command that is to see the mount. */
  readonly enter: readonly string[];
  end(): Promise<void>;
}

export interface Contestant {
  readonly name: string;
  mount(): Promise<Mounted>;
}

const project = join(import.meta.dirname, '../..');
const nobody = 65534;

/** A port that leads to the server's, as far away as the place says, and who holds the line. */
async function farAway(port: number, latency: number): Promise<{ port: number; held: ChildProcess[] }> {
  if (latency === 0) return { port, held: [] };
  const line = start(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'line.ts'), String(port), String(latency)]);
  return { port: Number(await firstLine(line)), held: [line] };
}

/** Whether the mount is there, as a process sees it; fails where the one that mounts has ended. */
const mountedBy = (client: ChildProcess, mountpoint: string, seenBy: number | string = 'self') => async (): Promise<boolean> => {
  if (client.exitCode !== null) throw new Error(`the mount ended with ${client.exitCode}`);
  return (await readFile(`/proc/${seenBy}/mounts`, 'utf8')).includes(` ${mountpoint} `);
};

async function emulator(place: Place): Promise<{ remote: string; held: ChildProcess[] }> {
  const server = start('node', [join(project, 'dist/cli/main.js'), 'emulate', 'sftpgo', '--root', place.served]);
  const announced: unknown = JSON.parse(await firstLine(server));
  const url = new URL(announced !== null && typeof announced === 'object' && 'url' in announced ? String(announced.url) : '');
  const line = await farAway(Number(url.port), place.latency);
  return { remote: `sftpgo+http://u@127.0.0.1:${line.port}/`, held: [...line.held, server] };
}

const mountWords = (place: Place, remote: string, state: string, options: readonly string[]): string[] =>
  ['mount', remote, place.mountpoint, '--log-level', 'error', '--cache-dir', state, ...options];

/** Amarre mounted by root, on one of its drivers. */
export function amarre(place: Place, driver: 'kernel' | 'fuse-native'): Contestant {
  return {
    name: driver === 'kernel' ? 'amarre' : `amarre ${driver}`,
    async mount() {
      const { remote, held } = await emulator(place);
      const words = mountWords(place, remote, join(place.work, 'state'), ['--driver', driver]);
      const client = start('node', [join(project, 'dist/cli/main.js'), ...words], { AMARRE_PASSWORD: 'p' });
      await until('the mount', mountedBy(client, place.mountpoint));
      return { enter: [], end: () => end(client, ...held) };
    },
  };
}

/** Amarre mounted by an ordinary user through fusermount3, in a mount namespace where he may open /dev/fuse. */
export function amarreAsUser(place: Place): Contestant {
  const folder = join(place.work, 'user');
  const script = `set -e
mount -t tmpfs none "$1/dev"; mknod "$1/dev/fuse" c 10 229; chmod 666 "$1/dev/fuse"; mount --bind "$1/dev/fuse" /dev/fuse
mount --bind "$2" "$1/amarre"; echo ready; exec sleep infinity`;
  return {
    name: 'amarre user',
    async mount() {
      for (const name of ['.', 'dev', 'amarre', 'state', 'home']) await mkdir(join(folder, name), { recursive: true });
      for (const name of ['state', 'home']) {
        await chown(join(folder, name), nobody, nobody);
        await chmod(join(folder, name), 0o700);
      }
      await chown(place.mountpoint, nobody, nobody);
      await chmod(place.work, 0o711);
      const { remote, held } = await emulator(place);
      const holder = start('unshare', ['-m', '--propagation', 'private', 'bash', '-c', script, 'bash', folder, project]);
      await firstLine(holder);
      const enter = ['nsenter', `--mount=/proc/${holder.pid ?? ''}/ns/mnt`, 'setpriv', '--reuid', String(nobody), '--regid', String(nobody), '--clear-groups'];
      const [first = '', ...rest] = enter;
      const words = mountWords(place, remote, join(folder, 'state'), []);
      const home = { HOME: join(folder, 'home'), TMPDIR: join(folder, 'home'), AMARRE_PASSWORD: 'p' };
      const client = start(first, [...rest, 'node', join(folder, 'amarre/dist/cli/main.js'), ...words], home);
      await until('the mount', mountedBy(client, place.mountpoint, holder.pid));
      return { enter, end: () => end(client, holder, ...held) };
    },
  };
}

/** `rclone mount` of `rclone serve webdav` over the same folder. Its cp returns before the server holds anything. */
export function rclone(place: Place): Contestant {
  return {
    name: 'rclone',
    async mount() {
      const port = 20_000 + Math.floor(Math.random() * 20_000);
      const server = start('rclone', ['serve', 'webdav', place.served, '--addr', `127.0.0.1:${port}`, '--log-level', 'ERROR']);
      await until('the server', () => fetch(`http://127.0.0.1:${port}/`, { method: 'OPTIONS' }).then(() => true, () => false));
      const line = await farAway(port, place.latency);
      const client = start('rclone', [
        'mount', `:webdav,url="http://127.0.0.1:${line.port}":`, place.mountpoint, '--vfs-cache-mode', 'writes', '--vfs-write-back', '0s',
        '--cache-dir', join(place.work, 'rclone-cache'), '--log-level', 'ERROR',
      ]);
      await until('the mount', mountedBy(client, place.mountpoint));
      return { enter: [], end: () => end(client, ...line.held, server) };
    },
  };
}
