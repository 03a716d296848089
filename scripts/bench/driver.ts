/**
 * How fast the kernel driver is by itself: over a file system in memory that keeps no bytes. Needs root.
 *
 *     npx tsx scripts/bench/driver.ts [--repeat 5] [--read-ahead KIB]
 *
 * Prints each figure's best and median: the machine's other work makes every other one worse.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { threadPoolEnvironment } from '../../src/fuse/thread-pool.js';
import { eventually, succeed } from '../../test/support/programs.js';
import { mountsIn } from '../../test/support/mount-list.js';

const { values } = parseArgs({
  options: { repeat: { type: 'string', default: '5' }, 'read-ahead': { type: 'string', default: '1024' } },
});
const repeat = Number(values.repeat);
const entries = 10_000;
const gibibyte = 1024 ** 3;

/** Reads `count` blocks of 4 KiB at random places; prints the seconds. */
const randomReads = `import os, random, sys, time
d = os.open(sys.argv[1], os.O_RDONLY); os.posix_fadvise(d, 0, 0, os.POSIX_FADV_RANDOM)
places = random.sample(range(0, 2**30 // 4096), int(sys.argv[2])); start = time.monotonic()
for place in places: os.pread(d, 4096, place * 4096)
print(time.monotonic() - start)`;

interface Figure {
  readonly name: string;
  readonly unit: string;
  /** From the seconds that one run took. */
  readonly figure: (seconds: number) => number;
  /** Prepares, runs, and answers the seconds. */
  readonly run: (mountpoint: string) => Promise<number>;
}

const figures: readonly Figure[] = [
  {
    name: 'sequential write, 1 GiB, dd bs=1M', unit: 'GB/s', figure: (seconds) => gibibyte / 1e9 / seconds,
    run: (mountpoint) => timed(() => succeed('dd', ['if=/dev/zero', `of=${mountpoint}/large`, 'bs=1M', 'count=1024'])),
  },
  {
    name: 'sequential cold read, 1 GiB, dd bs=1M', unit: 'GB/s', figure: (seconds) => gibibyte / 1e9 / seconds,
    run: async (mountpoint) => {
      await dropCaches();
      return timed(() => succeed('dd', [`if=${mountpoint}/large`, 'of=/dev/null', 'bs=1M']));
    },
  },
  {
    name: '4 KiB random reads, one job', unit: '/s', figure: (seconds) => 20_000 / seconds,
    run: async (mountpoint) => {
      await dropCaches();
      return Number(await succeed('python3', ['-c', randomReads, join(mountpoint, 'large'), '20000']));
    },
  },
  {
    name: '4 KiB writes, dd bs=4k', unit: '/s', figure: (seconds) => 20_000 / seconds,
    run: (mountpoint) => timed(() => succeed('dd', ['if=/dev/zero', `of=${mountpoint}/small`, 'bs=4k', 'count=20000'])),
  },
  {
    name: `ls -l of ${entries} entries, cold`, unit: 's', figure: (seconds) => seconds,
    run: async (mountpoint) => {
      await dropCaches();
      return timed(() => succeed('ls', ['-l', mountpoint]));
    },
  },
];

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) / 1000;
}

async function dropCaches(): Promise<void> {
  await writeFile('/proc/sys/vm/drop_caches', '3');
}

function serve(mountpoint: string): ChildProcess {
  const script = fileURLToPath(new URL('../../test/support/memory-mount.ts', import.meta.url));
  const options = { discard: true, files: entries, ttl: 60_000, logLevel: 'info', readAheadKib: Number(values['read-ahead']) };
  return spawn(process.execPath, ['--import', import.meta.resolve('tsx'), script, mountpoint, JSON.stringify(options)], {
    env: threadPoolEnvironment(process.env),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

const mountpoint = await mkdtemp(join(tmpdir(), 'amarre-bench-'));
const daemon = serve(mountpoint);
const ended = new Promise((resolve) => daemon.on('exit', resolve));
try {
  await eventually('the mount', async () => (await mountsIn(mountpoint)).length > 0);
  for (const { name, unit, figure, run } of figures) {
    const results: number[] = [];
    for (let round = 0; round < repeat; round += 1) results.push(await run(mountpoint));
    results.sort((a, b) => a - b);
    const show = (seconds: number | undefined): string => figure(seconds ?? NaN).toPrecision(3);
    console.log(`${name}: ${show(results[0])} ${unit} (median ${show(results[Math.floor(repeat / 2)])})`);
  }
} finally {
  await succeed('umount', [mountpoint]).catch(() => daemon.kill('SIGKILL'));
  await ended;
  await rm(mountpoint, { recursive: true });
}
