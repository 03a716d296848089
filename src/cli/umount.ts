/** `amarre umount`: asks the process that serves a mount to send what is unsent and go, and tells what came of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { mountAt, readMounts } from '../fuse/mount/mountinfo.js';
import { mountType } from '../fuse/mount/options.js';
import { detachMount } from '../fuse/mount/unmount.js';
import type { Command } from './command.js';
import { socketOf } from './control/address.js';
import { askEnd, ControlError } from './control/client.js';
import type { EndProgress } from './control/protocol.js';
import { CommandError, exitStatuses } from './exit-status.js';
import { knownMounts, locate, stateFolders, type KnownMount } from './known-mounts.js';
import { readOptions, umountSchema } from './options.js';
import { showOutcome } from './serving/ending.js';
import { findKept } from './serving/kept-files.js';
import { oneLine, say, sayLines, showName } from './terminal.js';
import { showSize } from './units.js';

export const umountCommand: Command = {
  words: { mountpoint: 'Where the remote is mounted' },
  options: umountSchema,
  examples: [['amarre umount /mnt/files', 'exit status 0 if all is on the platform']],
  run: runUmount,
};

/** Between two looks at the record, in milliseconds. */
const pause = 100;

async function runUmount(written: Readonly<Record<string, unknown>>): Promise<number> {
  const { 'cache-dir': given } = readOptions(umountSchema, written);
  const { path: mountpoint } = await locate(String(written['mountpoint']), await readMounts());
  const found = (await knownMounts(await stateFolders(given))).find(({ record }) => record.mountpoint === mountpoint);
  if (found !== undefined && found.records.life(found.record) !== 'dead') return endServing(found);
  const mounted = mountAt(await readMounts(), mountpoint);
  if (mounted?.type === mountType) return detachDead(mountpoint, found);
  const what = mounted === undefined ? 'nothing is mounted there' : `what is mounted there (${mounted.type}) is not Amarre's; use umount`;
  throw new CommandError('notMounted', `${mountpoint}: ${what}`);
}

/** Asks, waits however long the uploads take, and passes on how it ended. */
async function endServing(found: KnownMount): Promise<number> {
  let { record } = found;
  const { pid } = record.process;
  if (found.records.life(record) === 'unknown') {
    throw new CommandError('failed', `${record.mountpoint} is served by process ${pid} of another container or machine: unmount there`);
  }
  const teller = new ProgressTeller(record.mountpoint);
  await askToEnd(found, teller);
  for (;;) {
    const alive = found.records.life({ ...record, phase: 'mounted' }) === 'alive';
    record = (await found.records.all()).find((one) => one.instance === record.instance) ?? record;
    if (record.phase === 'ending') teller.count(record.waiting);
    // The outcome first, then the process is gone: only then is the mount point free for certain.
    if (!alive) break;
    await sleep(pause);
  }
  teller.end();
  if (record.outcome === undefined) return detachDead(record.mountpoint, found);
  sayLines(showOutcome(record.outcome));
  return record.outcome.status;
}

/**
 * Asks over the mount's socket, and passes on how far its uploads come until it has ended. Where nobody
 * answers there, since the mount is of an earlier version, the process is asked by a signal.
 */
async function askToEnd({ record, records, stateFolder }: KnownMount, teller: ProgressTeller): Promise<void> {
  try {
    for await (const event of askEnd(socketOf(stateFolder, record.instance))) {
      if (event.kind === 'ended') return;
      teller.progress(event);
    }
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
  }
  // Who broke off may have heard: asked twice in this way a mount ends no sooner.
  if (records.life(record) === 'alive') askBySignal(record.process.pid);
}

function askBySignal(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // It ended meanwhile: its record tells.
    if (code === 'ESRCH') return;
    throw new CommandError('failed', `the mount is served by process ${pid} of another user: ask that user, or run as root`, { cause: error });
  }
}

/** Between two lines of progress where they stay, in milliseconds. */
const linePause = 5_000;

/** Tells how many files are waited for, and how far they have come: on a terminal in one line that changes. */
class ProgressTeller {
  readonly #mountpoint: string;
  #files = 0;
  #lastLine = -Infinity;
  #drawn = false;

  constructor(mountpoint: string) {
    this.#mountpoint = mountpoint;
  }

  /** What the record says: of a mount that is not asked in any other way. */
  count(files: number): void {
    if (files === this.#files) return;
    this.#files = files;
    if (files > 0) this.#say('');
  }

  progress(event: EndProgress): void {
    const { files, bytes, sent, perSecond } = event;
    const now = performance.now();
    const due = process.stderr.isTTY || files !== this.#files || now - this.#lastLine >= linePause;
    this.#files = files;
    if (files === 0 || !due) return;
    const share = bytes === 0 ? 100 : Math.floor(sent * 100 / bytes);
    this.#say(`: ${showSize(sent)} of ${showSize(bytes)} are out (${share} %), ${showSize(Math.round(perSecond))}/s`);
  }

  end(): void {
    if (this.#drawn) process.stderr.write('\r\u001b[K');
    this.#drawn = false;
  }

  #say(progress: string): void {
    const text = `${this.#mountpoint}: waiting for ${showFiles(this.#files)} to be sent${progress}; Ctrl-C leaves that to the background`;
    this.#lastLine = performance.now();
    if (!process.stderr.isTTY) {
      say(text);
      return;
    }
    const width = process.stderr.columns;
    process.stderr.write(`\r\u001b[K${showName(oneLine(`amarre: ${text}`)).slice(0, Math.max(20, width - 1))}`);
    this.#drawn = true;
  }
}

/** A mount whose process died: taken away, and told with what it left. */
async function detachDead(mountpoint: string, found: KnownMount | undefined): Promise<number> {
  if (mountAt(await readMounts(), mountpoint)?.type === mountType) await detachMount(mountpoint);
  const unknown = found === undefined ? '; what it left is told if you name its --cache-dir, or at its next mount' : '';
  say(`${mountpoint}: the process that served this mount had died; detached${unknown}`);
  if (found === undefined) return exitStatuses.died.status;
  const kept = await findKept(found.stateFolder, found.record.instance);
  sayLines(showOutcome({ status: exitStatuses.unsent.status, unsent: [...kept], notes: [] }));
  return kept.length > 0 ? exitStatuses.unsent.status : exitStatuses.ok.status;
}

function showFiles(count: number): string {
  return count === 1 ? '1 file' : `${count} files`;
}
