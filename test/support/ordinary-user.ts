/**
 * A person without root's rights, for mounted tests: root makes a mount namespace in which /dev/fuse may be
 * opened by all and /etc/fuse.conf says what the test wants, and everything else runs in it as another user.
 * Program and Node are bound into the test's own folder, since the user may not be able to enter where they lie.
 */
import { chmod, chown, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { afterEach } from 'vitest';
import { parseMountinfo, type Mount } from '../../src/fuse/mount/mountinfo.js';
import type { Harbour } from './amarre-mounts.js';
import { amarre } from './cli.js';
import { begin, eventually, type ProgramOptions, type ProgramResult, type RunningProgram } from './programs.js';

/** `nobody`, whom every system knows: fusermount3 wants its user to have a name. */
export const ordinaryUser = 65534;
/** Somebody else, who needs no name. */
export const anotherUser = 54321;

export interface WorldOptions {
  /** The user becomes root of a user namespace with mounts of its own, by `unshare -Urm`. */
  readonly unshare?: boolean;
  /** Permission bits of /dev/fuse, octal. Default: 666. */
  readonly device?: string;
  /** The text of /etc/fuse.conf. Default: empty. */
  readonly fuseConf?: string;
  /** Shell lines that root runs in the namespace; `$folder` is the test's, `$program` where Amarre lies there. */
  readonly prepare?: string;
}

/** A line for `prepare`: each program of that name is what `replacement` is. */
export const replaceHelpers = (replacement: string): string =>
  `for name in fusermount3 fusermount; do path=$(command -v "$name") && mount --bind "${replacement}" "$(readlink -f "$path")"; done; true`;

/** A line for `prepare`. Node finds a package where its folder is, or in a folder further out. */
export const withoutKoffi = 'mkdir "$folder/empty"; mount --bind "$folder/empty" "$(readlink -f "$program/node_modules")/koffi"';

/** What the user can do in the namespace. Programs get no environment of root's that matters. */
export interface World {
  /** Runs a program as the user, to its end. */
  run(command: string, parameters: readonly string[], options?: ProgramOptions): Promise<ProgramResult>;
  begin(command: string, parameters: readonly string[], options?: ProgramOptions): RunningProgram;
  /** A script in bash with `set -e -o pipefail`, which must succeed; answers what it printed. */
  shell(script: string): Promise<string>;
  /** `amarre` with these words, signed in. */
  amarre(...words: readonly string[]): Promise<ProgramResult>;
  /** `amarre mount` in the foreground; resolves when the mount can be used. */
  mount(...options: readonly string[]): Promise<RunningProgram>;
  /** What is mounted in the test's folder, as the user sees it. */
  mounts(): Promise<readonly Mount[]>;
  /** A program of the user that has the drive for its working folder, until it is killed. */
  sitInside(): Promise<RunningProgram>;
  /** One of the other user's. */
  sitInsideAsAnother(): Promise<RunningProgram>;
  /** Starts a program as another ordinary user of the same machine. */
  beginAsAnother(command: string, parameters: readonly string[], options?: ProgramOptions): RunningProgram;
  /** Words that run a command of the tests as the user: paths of the project are turned into those that he can read. */
  readonly wrap: readonly [string, ...string[]];
}

/** Words before a command that run it elsewhere, as somebody else. */
type Enter = readonly [string, ...string[]];

/** Longer than any test takes: a namespace lives as long as the program that holds it. */
const lifetime = 300;

const setUp = `
set -e
folder=$1 program=$1/amarre
mkdir "$folder/dev" "$program"
mount -t tmpfs none "$folder/dev"
mknod "$folder/dev/fuse" c 10 229
chmod "$2" "$folder/dev/fuse"
mount --bind "$folder/dev/fuse" /dev/fuse
mount --bind "$folder/fuse.conf" /etc/fuse.conf
mount --bind "$3" "$program"
touch "$folder/node"
mount --bind "$4" "$folder/node"
while umount /sys/fs/fuse/connections 2>/dev/null; do :; done
`;

/** Call once in a test file, after `useHarbour`. What runs in a namespace is killed behind each test. */
export function useOrdinaryUser(): (drive: Harbour, options?: WorldOptions) => Promise<World> {
  const holders: RunningProgram[] = [];
  /** Those that were made, and never the one that the tests run in. */
  const namespaces = new Set<string>();
  afterEach(async () => {
    for (const pid of await processesIn(namespaces)) process.kill(pid, 'SIGKILL');
    for (const holder of holders.splice(0)) {
      holder.kill('SIGKILL');
      await holder.result;
    }
    await eventually('no process is left in the namespaces', async () => (await processesIn(namespaces)).length === 0);
    namespaces.clear();
  });

  const hold = async ([command, ...parameters]: Enter, sign: string): Promise<RunningProgram> => {
    const holder = begin(command, parameters, { deadline: lifetime * 1000 });
    holders.push(holder);
    let over: string | undefined;
    void holder.result.then(({ stderr }) => (over = stderr), (error: unknown) => (over = String(error)));
    await eventually('the namespace is there', () => {
      if (over !== undefined) throw new Error(`no namespace: ${over}`);
      return existsSync(sign);
    });
    const namespace = await namespaceOf(holder.pid);
    if (namespace === await namespaceOf('self')) throw new Error('the namespace is the one of the tests');
    namespaces.add(namespace);
    return holder;
  };

  return async (drive, options = {}) => {
    const { folder } = drive;
    const [node, main = ''] = amarre();
    const program = resolve(dirname(main), '../..');
    await writeFile(join(folder, 'fuse.conf'), options.fuseConf ?? '', { mode: 0o644 });
    for (const name of ['home', 'tmp']) await mkdir(join(folder, name));
    for (const name of ['.', 'mnt', 'home', 'tmp']) await chown(join(folder, name), ordinaryUser, ordinaryUser);

    // What keeps other users out is to be the mount, not the way to it.
    await chmod(folder, 0o711);

    const sign = (name: string) => join(folder, 'home', name);
    const stay = (name: string) => `touch '${sign(name)}'\nexec sleep ${lifetime}`;
    const script = `${setUp}\n${options.prepare ?? ''}\n${stay('ready')}`;
    const outer = await hold(['unshare', '-m', '--propagation', 'private', 'bash', '-c', script, 'bash', folder, options.device ?? '666', program, node], sign('ready'));
    const enterAs = (id: number): Enter => ['nsenter', `--mount=/proc/${outer.pid}/ns/mnt`, 'setpriv', '--reuid', String(id), '--regid', String(id), '--clear-groups'];
    let prefix = enterAs(ordinaryUser);
    if (options.unshare === true) {
      const inner = await hold([...prefix, 'unshare', '-Urm', 'bash', '-c', stay('unshared')], sign('unshared'));
      prefix = [...prefix, 'nsenter', '--preserve-credentials', '-t', String(inner.pid), '-U', '-m'];
    }
    const readable = 'words=("${@//$NODE/$FOLDER/node}"); exec "${words[@]//$PROJECT/$FOLDER/amarre}"';
    const names = [`NODE=${node}`, `PROJECT=${program}`, `FOLDER=${folder}`, `HOME=${join(folder, 'home')}`, `TMPDIR=${join(folder, 'tmp')}`];
    const [first, ...rest] = prefix;
    const wrap: Enter = [first, ...rest, 'env', ...names, 'bash', '-c', readable, 'bash'];
    return { ...makeWorld(drive, prefix, enterAs(anotherUser)), wrap };
  };
}

function makeWorld(drive: Harbour, prefix: Enter, another: Enter): Omit<World, 'wrap'> {
  const { folder, mountpoint } = drive;
  const start = ([first, ...rest]: Enter, command: string, parameters: readonly string[], options: ProgramOptions = {}): RunningProgram => {
    // The way into a namespace ends in its root folder.
    const inFolder = ['bash', '-c', 'cd "$1" && shift && exec "$@"', 'bash', options.cwd ?? '/'];
    const own = { HOME: join(folder, 'home'), TMPDIR: join(folder, 'tmp'), XDG_STATE_HOME: '', ...options.env };
    return begin(first, [...rest, ...inFolder, command, ...parameters], { ...options, cwd: '/', env: own });
  };
  const startAmarre = (words: readonly string[], deadline: number) =>
    start(prefix, join(folder, 'node'), [join(folder, 'amarre/dist/cli/main.js'), ...words], { env: drive.env, deadline });
  const shell = async (script: string) => {
    const result = await start(prefix, 'bash', ['-e', '-o', 'pipefail', '-c', script]).result;
    if (result.status === 0) return result.stdout;
    throw new Error(`${script}: status ${result.status ?? 'none'}\n${result.stderr}${result.stdout}`);
  };
  const mounts = async () => parseMountinfo(await shell('cat /proc/self/mountinfo')).filter((mount) => mount.mountPoint === mountpoint);
  const sit = async (who: Enter) => {
    const sitter = start(who, 'sleep', ['60'], { cwd: mountpoint, deadline: 61_000 });
    await eventually('somebody is inside', async () => (await readFile(`/proc/${sitter.pid}/comm`, 'utf8')).trim() === 'sleep');
    return sitter;
  };
  return {
    shell,
    mounts,
    begin: (command, parameters, options) => start(prefix, command, parameters, options),
    run: (command, parameters, options) => start(prefix, command, parameters, options).result,
    amarre: (...words) => startAmarre(words, 40_000).result,
    async mount(...options) {
      const mounted = startAmarre([...drive.mountWords(...options)], 60_000);
      const failed = mounted.result.then((result) => {
        throw new Error(`it ended before it was mounted: status ${result.status ?? 'none'}\n${result.stderr}`);
      });
      failed.catch(() => undefined);
      await Promise.race([eventually('it is mounted', async () => (await mounts()).length > 0, 20_000), failed]);
      return mounted;
    },
    sitInside: () => sit(prefix),
    sitInsideAsAnother: () => sit(another),
    beginAsAnother: (command, parameters, options) => start(another, command, parameters, options),
  };
}

/** Empty where there is no such process. */
async function namespaceOf(pid: number | string): Promise<string> {
  return readlink(`/proc/${pid}/ns/mnt`).catch(() => '');
}

/** Processes in one of the mount namespaces. */
async function processesIn(namespaces: ReadonlySet<string>): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map(async (pid) => (namespaces.has(await namespaceOf(pid)) ? [Number(pid)] : [])));
  return found.flat();
}
