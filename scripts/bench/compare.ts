/**
 * Times Amarre beside `rclone mount` on the same files, round by round in turn, whole commands from
 * outside: the ratio of each pair holds when the machine's speed drifts. Figures, not tests.
 *
 *     npm run build && npx tsx scripts/bench/compare.ts [--rounds 3] [--only read,write,list,in,out,copy] [--size-mib 1024]
 *       [--latency MILLISECONDS] [--with amarre,amarre-fuse-native,amarre-user,rclone]
 *
 * Amarre mounts its SFTPGo emulator over a folder, rclone mounts `rclone serve webdav` over the same
 * folder. Each round mounts afresh, so that nothing is cached on the client's side. The ratios are to
 * the last one named. Needs root, rclone and fusermount3.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { amarre, amarreAsUser, rclone, type Contestant, type Place } from './contestants.js';
import { run, until } from './programs.js';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'read,write,list,in,out,copy' },
    'size-mib': { type: 'string', default: '1024' },
    latency: { type: 'string', default: '0' },
    with: { type: 'string', default: 'amarre,rclone' },
  },
});
const rounds = Number(options.rounds);
const size = Number(options['size-mib']) * 1024 * 1024;
const smallFiles = 1000;
const listed = 10_000;

const work = await mkdtemp(join(tmpdir(), 'amarre-bench-'));
const served = join(work, 'served');
const local = join(work, 'local');
const mountpoint = join(work, 'mnt');
const place: Place = { work, served, mountpoint, latency: Number(options.latency) };

const known: Readonly<Record<string, () => Contestant>> = {
  'amarre': () => amarre(place, 'kernel'),
  'amarre-fuse-native': () => amarre(place, 'fuse-native'),
  'amarre-user': () => amarreAsUser(place),
  'rclone': () => rclone(place),
};
const contestants = options.with.split(',').map((name) => {
  const make = known[name];
  if (make === undefined) throw new Error(`${name}: known are ${Object.keys(known).join(', ')}`);
  return make();
});

interface Workload {
  readonly name: string;
  readonly key: string;
  prepare(): Promise<void>;
  /** The timed command. */
  readonly command: readonly [string, ...string[]];
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
    command: ['dd', `if=${mountpoint}/read/big`, 'of=/dev/null', 'bs=1M', 'status=none'],
  },
  {
    key: 'write', name: `cp ${options['size-mib']} MiB in`,
    prepare: async () => { await mkdir(join(served, 'write'), { recursive: true }); await makeBig(join(local, 'big')); },
    command: ['cp', join(local, 'big'), join(mountpoint, 'write/big')],
    landed: () => until('the upload', async () => await total(join(served, 'write')) >= size),
    clean: () => rm(join(served, 'write/big'), { force: true }),
  },
  {
    key: 'list', name: `ls -l of ${listed} files, cold`,
    prepare: () => makeSmall(join(served, 'many'), listed, 0),
    command: ['ls', '-l', join(mountpoint, 'many')],
  },
  {
    key: 'in', name: `cp -r ${smallFiles} small files in`,
    prepare: async () => { await mkdir(join(served, 'in'), { recursive: true }); await makeSmall(join(local, 'small'), smallFiles, 4096); },
    command: ['cp', '-r', join(local, 'small'), join(mountpoint, 'in/small')],
    landed: () => until('the uploads', async () => await total(join(served, 'in/small')) >= smallFiles * 4096),
    clean: () => rm(join(served, 'in/small'), { recursive: true, force: true }),
  },
  {
    key: 'copy', name: `cp ${options['size-mib']} MiB from the mount to the mount`,
    prepare: async () => { await mkdir(join(served, 'copy'), { recursive: true }); await makeBig(join(served, 'copy/from')); },
    command: ['cp', join(mountpoint, 'copy/from'), join(mountpoint, 'copy/to')],
    landed: () => until('the copy', async () => await total(join(served, 'copy')) >= 2 * size),
    clean: () => rm(join(served, 'copy/to'), { force: true }),
  },
  {
    key: 'out', name: `cp -r ${smallFiles} small files out`,
    prepare: () => makeSmall(join(served, 'out'), smallFiles, 4096),
    command: ['cp', '-r', join(mountpoint, 'out'), join(local, 'out')],
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

const spread = (values: readonly number[]): string => {
  const sorted = [...values].sort((a, b) => a - b);
  const show = (value: number | undefined): string => (value ?? Number.NaN).toFixed(3).padStart(8);
  return `min ${show(sorted[0])}  median ${show(sorted[Math.floor(sorted.length / 2)])}  max ${show(sorted.at(-1))}`;
};

for (const folder of [served, local, mountpoint]) await mkdir(folder, { recursive: true });
// An ordinary user writes there, too.
await chmod(local, 0o777);
try {
  for (const workload of workloads.filter(({ key }) => options.only.split(',').includes(key))) {
    await workload.prepare();
    const figures = new Map(contestants.map(({ name }) => [name, { command: new Array<number>(), landed: new Array<number>() }]));
    for (let round = 0; round < rounds; round += 1) {
      for (const contestant of contestants) {
        const mounted = await contestant.mount();
        const [command = '', ...parameters] = [...mounted.enter, ...workload.command];
        const begun = performance.now();
        try {
          await run(command, parameters);
          figures.get(contestant.name)?.command.push((performance.now() - begun) / 1000);
          await workload.landed?.();
          figures.get(contestant.name)?.landed.push((performance.now() - begun) / 1000);
        } finally {
          await mounted.end();
          await workload.clean?.();
        }
      }
    }
    console.log(`\n${workload.name} (${rounds} rounds, ${options.latency} ms away, seconds)`);
    for (const [name, { command, landed }] of figures) {
      console.log(`  ${name.padEnd(18)} command returns  ${spread(command)}`);
      if (workload.landed !== undefined) console.log(`  ${''.padEnd(18)} server holds it  ${spread(landed)}`);
    }
    const [peer, ...others] = [...figures].reverse();
    for (const [name, { landed }] of others.reverse()) {
      console.log(`  ratio ${name} / ${peer?.[0] ?? ''}: ${spread(landed.map((value, i) => value / (peer?.[1].landed[i] ?? Number.NaN)))}`);
    }
  }
} finally {
  await rm(work, { recursive: true, force: true });
}
