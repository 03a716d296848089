/**
 * The program that serves one mount: takes its plan from the process that started it, mounts, stays
 * until it is told to end or somebody unmounts, and tells how it ended. It never touches the mount
 * that it serves: that would wait for itself.
 */
import { setMaxListeners } from 'node:events';
import { openTerminalLog } from '../../observe/terminal-log.js';
import type { Log } from '../../observe/log.js';
import { openLog } from '../../observe/open-log.js';
import { openMountRecords } from '../../storage/mount-records.js';
import { removeDeadSockets, socketOf } from '../control/address.js';
import { openControlServer, type ControlServer } from '../control/server.js';
import { exitStatuses, toCommandError } from '../exit-status.js';
import { assembleMount, type AssembledMount } from './assemble.js';
import { describeMount, describeProgress } from './control.js';
import { endMount } from './ending.js';
import { planSchema, type Message, type Plan } from './plan.js';
import { runService } from './services.js';

/** Nobody may be listening any more: then what is told stands in the record. */
async function tell(message: Message): Promise<void> {
  if (!process.connected) return;
  await new Promise<void>((resolve) => process.send?.(message, undefined, {}, () => resolve()) ?? resolve());
}

/** The plan, which is the first message. */
function receivePlan(): Promise<Plan> {
  return new Promise((resolve, reject) => {
    process.once('message', (message) => resolve(planSchema.parse(message)));
    process.once('disconnect', () => reject(new Error('started by hand: this program is started by "amarre mount"')));
  });
}

/** What asks this process to end: the first time in order, a second SIGINT without waiting any longer. */
function untilAsked() {
  const asked = new AbortController();
  const impatient = new AbortController();
  // Every file that is being sent listens.
  setMaxListeners(0, impatient.signal);
  process.on('SIGTERM', () => asked.abort());
  process.on('SIGINT', () => {
    if (asked.signal.aborted) impatient.abort();
    asked.abort();
  });
  process.on('SIGHUP', () => undefined);
  return { asked, impatient };
}

/**
 * A process with a read of the FUSE device still out cannot exit: it would wait for the read. All is
 * written and told by then, and whoever started this process goes by what was told.
 */
async function dieIfHeld(ended: Promise<unknown>): Promise<void> {
  const released = await Promise.race([ended.then(() => true), new Promise((resolve) => setImmediate(resolve, false))]);
  if (released !== true) process.kill(process.pid, 'SIGKILL');
}

/** The mount's socket. A drive without one is still a drive: the log says why, and commands find other ways. */
async function openControl(plan: Plan, mount: AssembledMount, asked: AbortController, log: Log): Promise<ControlServer | undefined> {
  const started = Date.now();
  try {
    await removeDeadSockets(plan.stateFolder, await openMountRecords({ folder: plan.stateFolder }));
    return await openControlServer(socketOf(plan.stateFolder, plan.instance), {
      status: () => describeMount(plan, mount, { started, ending: asked.signal.aborted }),
      refresh: (path) => mount.fileSystem.refresh(path),
      end: () => asked.abort(),
      progress: () => describeProgress(mount),
      service: (request, onProgress, signal) => runService({ ...mount, readOnly: plan.readOnly }, request, onProgress, signal),
    }, log);
  } catch (error) {
    log.warn({ err: error }, 'this mount has no socket: amarre status and refresh cannot ask it');
    return undefined;
  }
}

async function serve(plan: Plan): Promise<number> {
  const { asked, impatient } = untilAsked();
  let mounted = false;
  process.on('disconnect', () => {
    // In the foreground whoever spoke for us has died; a daemon was let go, unless it is too early for that.
    if (!plan.daemon || !mounted) asked.abort();
  });
  const log = openLog({ level: plan.logLevel, file: plan.logFile, limit: plan.logSize });
  // A fault of ours in a corner must not take the drive away from everybody else on it.
  process.on('unhandledRejection', (reason) => log.error({ err: reason }, 'a fault in Amarre, please report it'));
  const notices = openTerminalLog((text) => void tell({ kind: 'told', text }));
  const mount = await assembleMount(plan, { log, notices, signal: asked.signal });
  mounted = true;
  const control = await openControl(plan, mount, asked, log);
  await tell({ kind: 'mounted' });
  const { session, record } = mount;

  await Promise.race([session.ended, new Promise((resolve) => {
    if (asked.signal.aborted) resolve(undefined);
    asked.signal.addEventListener('abort', resolve, { once: true });
  })]);
  await record.update({ phase: 'ending' }).catch(complain);
  let held = '';
  const outcome = await endMount({
    unmount: async () => {
      const result = await session.unmount();
      held = result === 'unmounted' || result.busy === '' ? '' : `held by ${result.busy}`;
      return result === 'unmounted';
    },
    detach: () => session.detach(),
    gone: session.ended,
    pending: () => mount.pending(),
    async shutdown(signal, detached) {
      // Unmounted while nobody used it, every file was closed before; any other end cut programs off.
      const cutOff = detached || (await session.ended).reason !== 'unmounted';
      return mount.shutdown(signal, cutOff);
    },
    holders: () => Promise.resolve(held),
    waiting(files, holders) {
      const who = holders === '' ? '' : `, written and not closed (${holders})`;
      if (files > 0) notices.warn(`waiting for ${files === 1 ? '1 file' : `${files} files`} to be sent${who}; Ctrl-C again: do not wait`);
      record.update({ waiting: files }).catch(complain);
    },
    impatient: impatient.signal,
  });
  function complain(error: unknown): void {
    log.warn({ err: error }, 'the mount record could not be written, or its socket not be closed');
  }
  for (const file of outcome.unsent) log.error(file, 'not sent; its content is kept on this machine');
  await record.update({ phase: 'ended', waiting: 0, outcome }).catch(complain);
  await control?.finish(outcome).catch(complain);
  await tell({ kind: 'ended', outcome });
  await dieIfHeld(session.ended);
  return outcome.status;
}

try {
  const status = await serve(await receivePlan());
  process.exit(status);
} catch (thrown) {
  const error = toCommandError(thrown);
  await tell({ kind: 'failed', ending: error.ending, text: error.message });
  process.exit(exitStatuses[error.ending].status);
}
