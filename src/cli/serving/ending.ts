/**
 * How a mount ends: what is unsent is sent first, the mount goes next, and what could not be sent is
 * listed. A program that holds the mount delays the end only while there is something to send.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pending, UnsentFile } from '../../filesystem/filesystem.js';
import type { Outcome } from '../../storage/mount-records.js';
import { exitStatuses } from '../exit-status.js';
import { showName } from '../terminal.js';
import { showSize } from '../units.js';

/** What the end of a mount needs. */
export interface EndingParts {
  /** Takes the mount away if nobody uses it; false where it is busy, true also where it is gone already. */
  readonly unmount: () => Promise<boolean>;
  /** Takes it out of the tree though it is in use. */
  readonly detach: () => Promise<void>;
  /** Resolves when the kernel has let go, whoever unmounted. */
  readonly gone: Promise<unknown>;
  readonly pending: () => Pending;
  /** Sends what is unsent as far as it can and closes the file system; the signal ends the attempt. `detached`: it was in use. */
  readonly shutdown: (signal: AbortSignal, detached: boolean) => Promise<readonly UnsentFile[]>;
  /** `held by sh (123, working directory)`, or empty. */
  readonly holders: () => Promise<string>;
  /** Told each time the number of files waited for changes. */
  readonly waiting: (files: number, holders: string) => void;
  /** Aborted by the person who does not want to wait any longer. */
  readonly impatient: AbortSignal;
}

/** Between two attempts to unmount, in milliseconds. */
const pause = 200;
/** How long a mount may be busy when nothing is to be sent: a program may be about to go. Milliseconds. */
const busyGrace = 1500;
/**
 * How long a program may take to close a file that it has written, in milliseconds. Long enough for
 * a `cp` that is nearly done; what is open even then is kept on this machine. Less than the 90 s after
 * which systemd kills.
 */
const openGrace = 30_000;

/** What to do next while the mount is busy. `idle`: for so many milliseconds nothing has been sending. */
export function nextStep(pending: Pending, idle: number, impatient: boolean): 'wait' | 'detach' {
  if (impatient) return 'detach';
  if (pending.sending > 0) return 'wait';
  return idle < (pending.open > 0 ? openGrace : busyGrace) ? 'wait' : 'detach';
}

/** Ends the mount, by `nextStep`'s rules. Never throws for what the platform does. */
export async function endMount(parts: EndingParts): Promise<Outcome> {
  const held = await takeAway(parts);
  const unsent = await sendRest(parts, held !== undefined);
  return outcomeOf(unsent, held);
}

/** Unmounts, or detaches what is busy: then the answer names who holds it. */
async function takeAway(parts: EndingParts): Promise<string | undefined> {
  let idleSince = performance.now();
  let told = -1;
  for (;;) {
    if (await parts.unmount()) return undefined;
    const pending = parts.pending();
    const now = performance.now();
    if (pending.sending > 0) idleSince = now;
    const files = pending.sending + pending.open;
    if (files !== told && files > 0) parts.waiting(files, pending.sending === 0 ? await parts.holders() : '');
    told = files;
    if (nextStep(pending, now - idleSince, parts.impatient.aborted) === 'detach') break;
    await Promise.race([sleep(pause, undefined, { signal: parts.impatient }).catch(() => undefined), parts.gone]);
  }
  const holders = await parts.holders();
  await parts.detach();
  return holders === '' ? 'by a program that could not be found' : holders;
}

/** The files left are counted down while they go out. */
async function sendRest(parts: EndingParts, detached: boolean): Promise<readonly UnsentFile[]> {
  let told = 0;
  const count = () => {
    const { sending, open } = parts.pending();
    if (sending + open === told) return;
    told = sending + open;
    parts.waiting(told, '');
  };
  count();
  const counter = setInterval(count, pause);
  try {
    return await parts.shutdown(parts.impatient, detached);
  } finally {
    clearInterval(counter);
  }
}

/** What is recorded, told and made an exit status. */
export function outcomeOf(unsent: readonly UnsentFile[], held: string | undefined): Outcome {
  return {
    status: unsent.length === 0 ? exitStatuses.ok.status : exitStatuses.unsent.status,
    unsent: unsent.map(({ path, size, kept, reason }) => ({ path, size, kept, reason })),
    notes: held === undefined ? [] : [`the mount was busy, ${held}; it was detached, and what is still open there fails from now on`],
  };
}

/** An outcome for the terminal, a line each. */
export function showOutcome(outcome: Outcome): readonly string[] {
  const { unsent, notes } = outcome;
  const lines = [...notes];
  if (unsent.length > 0) {
    lines.push(`${unsent.length === 1 ? '1 file is' : `${unsent.length} files are`} not on the platform; the content is kept on this machine:`);
    lines.push(...unsent.map(({ path, size, kept, reason }) => `  ${showName(path)} (${showSize(size)}): ${reason}; kept in ${kept}`));
  }
  return lines;
}
