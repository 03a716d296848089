/** What the serving process answers over its socket: the mount's own words, put together from its parts. */
import type { FileReport } from '../../filesystem/inspection.js';
import { listLimit, type EndProgress, type MountStatus } from '../control/protocol.js';
import type { AssembledMount } from './assemble.js';
import type { Plan } from './plan.js';

/** The state of a mount at this moment. From memory; what is long is cut. */
export function describeMount(plan: Plan, mount: Pick<AssembledMount, 'fileSystem' | 'observed'>, facts: { readonly started: number; readonly ending: boolean }): MountStatus {
  const { files, kept, ...report } = mount.fileSystem.report();
  const { requests, failures } = mount.observed;
  const shown = files.toSorted((a, b) => weight(b) - weight(a)).slice(0, listLimit);
  const unsent = files.filter(({ state }) => state !== 'sent');
  return {
    instance: plan.instance,
    pid: process.pid,
    mountpoint: plan.mountpoint,
    remote: plan.remote,
    readOnly: plan.readOnly,
    phase: facts.ending ? 'ending' : 'mounted',
    started: new Date(facts.started).toISOString(),
    now: new Date().toISOString(),
    ...report,
    files: shown,
    moreFiles: files.length - shown.length,
    unsent: { files: unsent.length, sending: unsent.filter(({ state }) => state === 'sending').length, bytes: bytesOf(unsent) },
    // The newest: they are what a person comes for.
    kept: kept.slice(-listLimit),
    moreKept: Math.max(0, kept.length - listLimit),
    failures: [...failures.report()],
    processMemory: process.memoryUsage.rss(),
    requests: { ...requests.load, routes: [...requests.report(performance.now())] },
  };
}

/** What is on its way comes first, then what waits for its program, then what is only open. */
function weight({ state }: FileReport): number {
  return { sending: 2, unsent: 1, sent: 0 }[state];
}

/** How much is left to send. */
export function describeProgress({ fileSystem }: Pick<AssembledMount, 'fileSystem'>): EndProgress {
  const unsent = fileSystem.report().files.filter(({ state }) => state !== 'sent');
  const sum = (read: (file: FileReport) => number) => unsent.reduce((total, file) => total + read(file), 0);
  return {
    kind: 'progress', files: unsent.length, bytes: bytesOf(unsent), sent: sum(({ upload }) => upload?.sent ?? 0), perSecond: sum(({ upload }) => upload?.perSecond ?? 0),
  };
}

function bytesOf(files: readonly FileReport[]): number {
  return files.reduce((total, { size }) => total + size, 0);
}
