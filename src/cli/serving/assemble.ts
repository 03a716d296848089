/** Puts a mount together from its parts, and takes it apart: each part is closed by whoever opened it, which is here. */
import { isErrno, toFsError } from '../../errors.js';
import { createFileSystem, type RemoteFileSystem } from '../../filesystem/remote-filesystem.js';
import type { Pending, UnsentFile } from '../../filesystem/filesystem.js';
import { describeLeftover, sendLeftovers } from '../../filesystem/writing/recovery.js';
import { giveBackLeftLocks } from '../../filesystem/writing/locks.js';
import { mountByDriver } from '../../fuse/mounting.js';
import { namesAsOn } from '../../fuse/path/spellings.js';
import type { Session } from '../../fuse/session.js';
import type { RequestWatcher } from '../../fuse/watching.js';
import { elapsed } from '../../http/elapsed.js';
import { RecentFailures } from '../../observe/failures.js';
import { silentLog, type Log } from '../../observe/log.js';
import { MetricRegistry } from '../../observe/metrics.js';
import { RequestMetrics, type RequestObserver } from '../../observe/requests.js';
import { openProvider } from '../../providers/open.js';
import type { Provider } from '../../providers/provider.js';
import { parseRemote } from '../../providers/remote.js';
import type { Services } from '../../providers/services.js';
import type { Bounds } from '../../storage/aging.js';
import { openKeptTimes } from '../../storage/kept-times.js';
import { openLockRecords } from '../../storage/lock-records.js';
import { openMountRecords, type OwnRecord } from '../../storage/mount-records.js';
import { openStaging, type Staging } from '../../storage/staging.js';
import { openUploadRecords, type UploadRecords } from '../../storage/upload-records.js';
import { CommandError, connectError } from '../exit-status.js';
import { netexplorerSettings } from '../netexplorer-access.js';
import { showName } from '../terminal.js';
import { showSize } from '../units.js';
import { instancesWithFiles, remoteFolders } from './kept-files.js';
import type { Plan } from './plan.js';

/** KiB that the kernel reads ahead of a sequential reader: one request of the largest size. */
const readAheadKib = 1024;

/**
 * The kernel's unit for times, nanoseconds. Finer than what platforms show: they keep milliseconds
 * that they do not show, and the kernel must not cut them off. The file system shows times rounded.
 */
const timeGranularity = 1_000_000;

/** Of times that the platform does not keep: more than a year of daily use, and some 250 MB of disk at most. */
const timesKept: Bounds = { unseenDays: 400, records: 1_000_000 };

export interface AssembledMount {
  readonly session: Session;
  readonly record: OwnRecord;
  readonly fileSystem: Pick<RemoteFileSystem, 'report' | 'refresh'>;
  readonly services: Services | undefined;
  readonly observed: Observed;
  /** Files whose last changes the platform does not hold. */
  pending(): Pending;
  /** Sends what is unsent as far as it can, ends whoever still uses the mount, and closes everything. `cutOff`: see FileSystem. */
  shutdown(signal: AbortSignal, cutOff: boolean): Promise<readonly UnsentFile[]>;
}

/** What is counted and remembered of a mount while it runs. */
export interface Observed {
  readonly metrics: MetricRegistry;
  readonly requests: RequestMetrics;
  readonly failures: RecentFailures;
}

/** Milliseconds between two looks at what rates are made of. */
const samplePause = 1000;

export interface AssemblyParts {
  readonly log: Log;
  /** For the person who mounts: what an earlier mount left. */
  readonly notices: Log;
  /** Ends the attempt. */
  readonly signal: AbortSignal;
}

/**
 * Signs in, finds what earlier mounts left, mounts. Resolves when programs can use the mount; throws
 * the CommandError of what could not be done, with everything closed again.
 */
export async function assembleMount(plan: Plan, parts: AssemblyParts): Promise<AssembledMount> {
  const closers: (() => Promise<unknown>)[] = [];
  const closeAll = async () => {
    for (const close of closers.toReversed()) await close().catch((error: unknown) => parts.log.warn({ err: error }, 'closing failed'));
  };
  try {
    return await assemble(plan, parts, closers, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function assemble(
  plan: Plan, { log, notices, signal }: AssemblyParts, closers: (() => Promise<unknown>)[], closeAll: () => Promise<void>,
): Promise<AssembledMount> {
  const records = await openMountRecords({ folder: plan.stateFolder });
  await records.prune(Date.now(), await instancesWithFiles(plan.stateFolder));
  const record = await records.create({ instance: plan.instance, mountpoint: plan.mountpoint, remote: plan.remote });
  let mounted = false;
  // How a mount that came up ends is recorded by whoever knows the outcome.
  closers.push(() => (mounted ? Promise.resolve() : record.update({ phase: 'ended' })));
  const isDead = (instance: string) => records.isDead(instance);

  const observed = observe(closers);
  const remote = parseRemote(plan.remote);
  const folders = remoteFolders(plan.stateFolder, remote.host, remote.identity);
  const uploads = await openUploadRecords(folders.uploads, Date.now());
  const provider = await connect(plan, { isDead, uploads, observer: observed.requests }, log, closers, signal);
  const staging = await openStaging({ folder: folders.staging, instance: plan.instance, isDead, log });
  closers.push(() => staging.close());
  const readOnly = plan.readOnly || provider.readOnly === true;
  await settleLeftovers(staging, provider, { ...plan, readOnly }, { log, notices, signal });
  const changeTimes = openKeptTimes({ folder: folders.changeTimes, log, bounds: timesKept, now: Date.now });
  closers.push(() => changeTimes.close());
  const setTimes = openKeptTimes({ folder: folders.setTimes, log, bounds: timesKept, now: Date.now });
  closers.push(() => setTimes.close());

  const lockRecords = await openLockRecords({ folder: folders.locks, instance: plan.instance, isDead });
  closers.push(() => lockRecords.close());
  if (!readOnly) await giveBackLeftLocks(provider, lockRecords.leftovers, log, signal);

  const { uid, gid, umask, permissions, lockOnWrite, attrTtl, dirTtl } = plan;
  const memory = plan.memory - documentMemory(plan);
  const fileSystem = createFileSystem(
    { provider, staging, changeTimes, setTimes, lockRecords, log, metrics: observed.metrics }, { uid, gid, umask, readOnly, permissions, lockOnWrite, attrTtl, dirTtl, memory },
  );
  const session = await mountByDriver(fileSystem, {
    driver: plan.driver,
    mountpoint: plan.mountpoint,
    fsname: plan.fsname ?? remote.withoutUser,
    allowOther: plan.allowOther,
    readOnly,
    // Whom the kernel lets in without allow_other: who mounts, whoever is shown as the owner.
    uid: process.getuid?.() ?? uid,
    gid: process.getgid?.() ?? gid,
    timeGranularity,
    readAheadKib,
    nameTtl: attrTtl,
    spellings: namesAsOn(process.platform),
    owner: { uid, gid },
    appleFiles: plan.appleFiles,
  }, log, watcherOf(fileSystem, observed)).catch((error: unknown) => {
    throw new CommandError('mount', toFsError(error).message, { cause: error });
  });
  mounted = true;
  await record.update({ phase: 'mounted' });
  return {
    session,
    record,
    fileSystem,
    services: provider.services,
    observed,
    pending: () => fileSystem.pending(),
    async shutdown(impatient, cutOff) {
      const unsent = await fileSystem.shutdown(impatient, cutOff);
      // Before the parts go: a program on a detached mount gets an error, and not half a file system.
      await session.abort();
      await closeAll();
      return unsent;
    },
  };
}

function observe(closers: (() => Promise<unknown>)[]): Observed {
  const metrics = new MetricRegistry();
  const requests = new RequestMetrics(metrics);
  const sampling = setInterval(() => requests.sample(performance.now()), samplePause);
  sampling.unref();
  closers.push(() => {
    clearInterval(sampling);
    return Promise.resolve();
  });
  return { metrics, requests, failures: new RecentFailures() };
}

/** Names the files of failed requests while they are known. */
function watcherOf(fileSystem: RemoteFileSystem, { metrics, failures }: Observed): RequestWatcher {
  return {
    metrics,
    failed({ operation, at, name, errno, message }) {
      const place = typeof at === 'string' ? at : fileSystem.pathOf(at) ?? `(node ${at})`;
      const path = name === undefined ? place : `${place === '/' ? '' : place}/${name}`;
      failures.note({ operation, path, errno, message }, Date.now());
    },
  };
}

/** What a provider is told of this machine, and tells it. */
interface Machine {
  readonly isDead: (instance: string) => boolean;
  readonly uploads: UploadRecords;
  readonly observer: RequestObserver;
}

/** Signed in, and the base folder seen. */
async function connect(
  plan: Plan, machine: Machine, log: Log, closers: (() => Promise<unknown>)[], signal: AbortSignal,
): Promise<Provider> {
  const provider = makeProvider(plan, machine, log);
  closers.push(() => provider.close());
  await provider.connect(signal).catch((error: unknown) => {
    if (signal.aborted || isErrno(error, 'EINTR')) throw new CommandError('failed', 'interrupted', { cause: error });
    throw connectError(error);
  });
  return provider;
}

/** What documents that are read whole take of the one budget, where the platform gives such. Bytes. */
function documentMemory({ remote, memory }: Plan): number {
  return parseRemote(remote).platform === 'faire-simple' ? Math.floor(memory / 2) : 0;
}

function makeProvider(plan: Plan, { isDead, uploads, observer }: Machine, log: Log): Provider {
  const { requests: parallelRequests, stallTimeout, serverTimeout, attrTtl: listTtl, insecureHttp, profile, faireSimple, network } = plan;
  const documents = { ...plan.documents, memory: documentMemory(plan) };
  const remote = parseRemote(plan.remote);
  const netexplorer = netexplorerSettings(plan.netexplorer, remote, plan.stateFolder, log);
  try {
    return openProvider(remote, plan.credentials, {
      instances: { own: plan.instance, isDead }, parallelRequests, stallTimeout, serverTimeout, listTtl, insecureHttp, profile, netexplorer, documents, faireSimple, network, elapsed, observer, uploads,
    }, log);
  } catch (error) {
    throw new CommandError('usage', toFsError(error).message, { cause: error });
  }
}

/**
 * What earlier mounts could not send goes out now where that loses nothing; the rest is told at every
 * mount, until a person has taken it away. Through a read-only mount nothing is sent.
 */
async function settleLeftovers(staging: Staging, provider: Provider, plan: Plan, { log, notices, signal }: AssemblyParts): Promise<void> {
  // Without a log file the log is the terminal, which `notices` writes to.
  const record = plan.logFile === undefined ? silentLog() : log;
  const unsent = plan.readOnly
    ? await Promise.all(staging.leftovers.map(describeLeftover))
    : await sendLeftovers(provider, staging.leftovers, record, signal);
  const sent = staging.leftovers.length - unsent.length;
  if (sent > 0) notices.warn(`${sent === 1 ? '1 file' : `${sent} files`} that an earlier mount could not send ${sent === 1 ? 'is' : 'are'} on the platform now`);
  for (const { path, size, kept, reason } of unsent) {
    notices.warn(`not sent by an earlier mount: ${showName(path)} (${showSize(size)}): ${reason}; kept in ${kept}`);
  }
}
