/**
 * Times Amarre beside `rclone mount` on the same files, round by round in turn, whole commands from
 * outside: the ratio of each pair holds when the machine's speed drifts. Figures, not tests.
 *
 *     npm run build && npx tsx scripts/bench/compare.ts [--rounds 3] [--only read,write,list,in,out] [--size-mib 1024]
 *
 * Amarre mounts its SFTPGo emulator over a folder, rclone mounts `rclone serve webdav` over the same
 * folder. Each round mounts afresh, so that nothing is cached on the client's side. Needs root,
 * rclone and fusermount3.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, readFile, rm, stat, writeFile, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'read,write,list,in,out' },
    'size-mib': { type: 'string', default: '1024' },
    latency: { type: 'string', default: '0' },
  },
});
const rounds = Number(options.rounds);
const size = Number(options['size-mib']) * 1024 * 1024;
const smallFiles = 1000;
const listed = 10_000;

const main = join(import.meta.dirname, '../../dist/cli/main.js');
const work = await mkdtemp(join(tmpdir(), 'amarre-bench-'));
const served = join(work, 'served');
const local = join(work, 'local');
const mountpoint = join(work, 'mnt');

interface Mounted { end(): Promise<void> }
interface Contestant { readonly name: string; mount(): Promise<Mounted> }

function start(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
}

async function run(command: string, args: readonly string[]): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve));
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${String(code)}`);
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  child.stdout?.resume();
  return text.split('\n')[0] ?? '';
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 180_000;
  while (!await holds()) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const isMounted = async (): Promise<boolean> => (await readFile('/proc/self/mounts', 'utf8')).includes(` ${mountpoint} `);

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.on('exit', resolve));
}

const amarre: Contestant = {
  name: 'amarre',
  async mount() {
    const server = start('node', [main, 'emulate', 'sftpgo', '--root', served, '--latency', options.latency]);
    const announced: unknown = JSON.parse(await firstLine(server));
    const remote = announced !== null && typeof announced === 'object' && 'remote' in announced ? String(announced.remote) : '';
    const client = start('node', [main, 'mount', remote, mountpoint, '--log-level', 'error', '--cache-dir', join(work, 'state')], { AMARRE_PASSWORD: 'p' });
    await until('the mount', isMounted);
    return {
      async end() {
        client.kill('SIGTERM');
        await ended(client);
        server.kill('SIGTERM');
        await ended(server);
      },
    };
  },
};

const rclone: Contestant = {
  name: 'rclone',
  async mount() {
    const port = 20_000 + Math.floor(Math.random() * 20_000);
    const server = start('rclone', ['serve', 'webdav', served, '--addr', `127.0.0.1:${port}`, '--log-level', 'ERROR']);
    await until('the server', async () => fetch(`http://127.0.0.1:${port}/`, { method: 'OPTIONS' }).then(() => true, () => false));
    const client = start('rclone', [
      'mount', `:webdav,url="http://127.0.0.1:${port}":`, mountpoint, '--vfs-cache-mode', 'writes', '--vfs-write-back', '0s',
      '--cache-dir', join(work, 'rclone-cache'), '--log-level', 'ERROR',
    ]);
    await until('the mount', isMounted);
    return {
      async end() {
        client.kill('SIGTERM');
        await ended(client);
        server.kill('SIGTERM');
        await ended(server);
      },
    };
  },
};

interface Workload {
  readonly name: string;
  readonly key: string;
  prepare(): Promise<void>;
  /** The timed command. */
  command(): Promise<void>;
  /** Resolves when the server holds what was written; timed on top. */
  landed?(): Promise<void>;
  clean?(): Promise<void>;
}

const total = async (folder: string): Promise<number> => {
  const names = await readdir(folder).catch(() => []);
  const sizes = await Promise.all(names.filter((name) => !name.startsWith('.')).map(async (name) => (await stat(join(folder, name)).catch(() => ({ size: 0 }))).size));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
};

const workloads: Workload[] = [
  {
    key: 'read', name: `read ${options['size-mib']} MiB in order, cold`,
    prepare: async () => { await mkdir(join(served, 'read'), { recursive: true }); await makeBig(join(served, 'read/big')); },
    command: () => run('dd', [`if=${mountpoint}/read/big`, 'of=/dev/null', 'bs=1M', 'status=none']),
  },
  {
    key: 'write', name: `cp ${options['size-mib']} MiB in`,
    prepare: async () => { await mkdir(join(served, 'write'), { recursive: true }); await makeBig(join(local, 'big')); },
    command: () => run('cp', [join(local, 'big'), join(mountpoint, 'write/big')]),
    landed: () => until('the upload', async () => await total(join(served, 'write')) >= size),
    clean: () => rm(join(served, 'write/big'), { force: true }),
  },
  {
    key: 'list', name: `ls -l of ${listed} files, cold`,
    prepare: () => makeSmall(join(served, 'many'), listed, 0),
    command: () => run('ls', ['-l', join(mountpoint, 'many')]),
  },
  {
    key: 'in', name: `cp -r ${smallFiles} small files in`,
    prepare: async () => { await mkdir(join(served, 'in'), { recursive: true }); await makeSmall(join(local, 'small'), smallFiles, 4096); },
    command: () => run('cp', ['-r', join(local, 'small'), join(mountpoint, 'in/small')]),
    landed: () => until('the uploads', async () => await total(join(served, 'in/small')) >= smallFiles * 4096),
    clean: () => rm(join(served, 'in/small'), { recursive: true, force: true }),
  },
  {
    key: 'out', name: `cp -r ${smallFiles} small files out`,
    prepare: () => makeSmall(join(served, 'out'), smallFiles, 4096),
    command: () => run('cp', ['-r', join(mountpoint, 'out'), join(local, 'out')]),
    clean: () => rm(join(local, 'out'), { recursive: true, force: true }),
  },
];

async function makeBig(path: string): Promise<void> {
  const file = await open(path, 'w');
  const piece = randomBytes(8 * 1024 * 1024);
  for (let at = 0; at < size; at += piece.length) await file.write(piece, 0, Math.min(piece.length, size - at));
  await file.close();
}

async function makeSmall(folder: string, count: number, bytes: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (let i = 0; i < count; i += 1) await writeFile(join(folder, `file-${String(i).padStart(5, '0')}.txt`), randomBytes(bytes));
}

const seconds = (values: readonly number[]): string => {
  const sorted = [...values].sort((a, b) => a - b);
  const show = (value: number | undefined): string => (value ?? Number.NaN).toFixed(3).padStart(8);
  return `min ${show(sorted[0])}  median ${show(sorted[Math.floor(sorted.length / 2)])}  max ${show(sorted.at(-1))}`;
};

await mkdir(local, { recursive: true });
await mkdir(mountpoint, { recursive: true });
try {
  for (const workload of workloads.filter(({ key }) => options.only.split(',').includes(key))) {
    await workload.prepare();
    const figures = new Map<string, { command: number[]; landed: number[] }>();
    for (let round = 0; round < rounds; round += 1) {
      for (const contestant of [amarre, rclone]) {
        const mounted = await contestant.mount();
        const begun = performance.now();
        await workload.command();
        const returned = (performance.now() - begun) / 1000;
        await workload.landed?.();
        const held = (performance.now() - begun) / 1000;
        await mounted.end();
        await workload.clean?.();
        const entry = figures.get(contestant.name) ?? { command: [], landed: [] };
        entry.command.push(returned);
        entry.landed.push(held);
        figures.set(contestant.name, entry);
      }
    }
    console.log(`\n${workload.name} (${rounds} rounds, seconds)`);
    for (const [name, { command, landed }] of figures) {
      console.log(`  ${name.padEnd(8)} command returns  ${seconds(command)}`);
      if (workload.landed !== undefined) console.log(`  ${''.padEnd(8)} server holds it  ${seconds(landed)}`);
    }
    const ours = figures.get('amarre')?.landed ?? [];
    const theirs = figures.get('rclone')?.landed ?? [];
    console.log(`  ratio amarre / rclone ${seconds(ours.map((value, i) => value / (theirs[i] ?? Number.NaN)))}`);
  }
} finally {
  await rm(work, { recursive: true, force: true });
}
