/** `amarre mount`: a remote on a folder of this machine, until Ctrl-C, `amarre umount` or `umount`. */
import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { chooseDriver, type DriverName } from '../fuse/drivers.js';
import { prepareMountPoint } from '../fuse/mount/mountpoint.js';
import { requireMountable } from '../fuse/mounting.js';
import type { NetworkSettings } from '../http/dialing.js';
import { openTerminalLog } from '../observe/terminal-log.js';
import { parseRemote, remoteForms } from '../providers/remote.js';
import { newInstance } from '../storage/mount-records.js';
import { readAccess } from './access.js';
import type { Command } from './command.js';
import { readDocumentSettings } from './documents.js';
import { CommandError, exitStatuses } from './exit-status.js';
import { untilInterrupted } from './interrupted.js';
import type { NetexplorerPlan } from './netexplorer-access.js';
import { defaultUmask } from './mount-options.js';
import { mountSchema, readOptions, type MountCommandSettings } from './options.js';
import { takeSecrets, type Credentials } from './secrets.js';
import { showOutcome } from './serving/ending.js';
import type { Plan } from './serving/plan.js';
import { startServing } from './serving/starter.js';
import { openStateFolder } from './state-folder.js';
import { say, sayLines } from './terminal.js';

export const mountCommand: Command = {
  words: {
    remote: `A URL: ${Object.values(remoteForms).map(({ form }) => form).join(', ')}; +http for a server on this machine`,
    mountpoint: 'A folder of this machine',
  },
  options: mountSchema,
  notes: 'Passwords come from --password-file, --password-command, AMARRE_PASSWORD or a prompt, in this order; AMARRE_API_KEY is an API key,'
    + ' AMARRE_OTP a code of a second factor, AMARRE_OAUTH_SECRET the secret of an OAuth client, AMARRE_KEY_PASSPHRASE opens the key of --client-cert. HTTPS_PROXY, HTTP_PROXY and NO_PROXY are heeded. None is taken from the argument list, which all users of a machine can read.',
  examples: [
    ['amarre mount sftpgo+https://ann@files.example.org /mnt/files', 'asks for the password, stays until Ctrl-C'],
    ['amarre mount --daemon --password-file ~/.drive sftpgo+https://ann@files.example.org/team /mnt/team', 'in the background'],
    ['amarre mount netexplorer+https://ann@files.example.org/Clients /mnt/clients', 'by the sign-in that "amarre sign-in" keeps, else by password'],
  ],
  run: runMount,
};

async function runMount(written: Readonly<Record<string, unknown>>): Promise<number> {
  const given = takeSecrets(process.env);
  const settings = readOptions(mountSchema, written);
  const remote = checkRemote(String(written['remote']));
  const mountpoint = await checkMountPoint(String(written['mountpoint']), settings.o, driverOf(settings));
  const stateFolder = await openStateFolder(settings['cache-dir']);
  const logFile = settings['log-file'];
  await requireOutside(mountpoint, '--cache-dir', stateFolder);
  if (logFile !== undefined) await requireOutside(mountpoint, '--log-file', dirname(logFile));
  const access = await readAccess(remote, given, settings, { stateFolder, readOnly: isReadOnly(settings) });
  const plan = makePlan({ remote, mountpoint, stateFolder, ...access, settings, ...await readDocumentSettings(settings) });
  return plan.daemon ? serveInBackground(plan) : serveHere(plan);
}

/** A remote that can be read, as it was written. */
export function checkRemote(text: string): string {
  try {
    parseRemote(text);
    return text;
  } catch (error) {
    throw new CommandError('usage', error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** Before anyone is asked for a password: whether it can be mounted on, by this user. Resolves to the canonical path. */
export async function checkMountPoint(path: string, { allowOther }: { readonly allowOther: boolean }, driver: DriverName): Promise<string> {
  try {
    const mountpoint = await prepareMountPoint(path, openTerminalLog(say));
    await requireMountable(driver, { allowOther });
    return mountpoint;
  } catch (error) {
    throw new CommandError('mount', error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** The driver that --driver means on this machine. */
export function driverOf(settings: Pick<MountCommandSettings, 'driver'>): DriverName {
  return chooseDriver(settings.driver, process.platform, process.arch);
}

/** What the serving process writes must not lie in the mount that it serves: it would wait for itself. */
async function requireOutside(mountpoint: string, option: string, folder: string): Promise<void> {
  const canonical = await realpath(folder).catch((error: unknown) => {
    throw new CommandError('usage', `${option}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  });
  if (canonical === mountpoint || canonical.startsWith(mountpoint === '/' ? '/' : `${mountpoint}/`)) {
    throw new CommandError('usage', `${option}: ${folder} lies in the mount point; name a place outside of it`);
  }
}

/** What the serving process is to do, from what the person wrote. */
export function makePlan(parts: {
  readonly remote: string;
  readonly mountpoint: string;
  readonly stateFolder: string;
  readonly credentials: Credentials;
  readonly network: NetworkSettings;
  readonly netexplorer: NetexplorerPlan;
  readonly documents: Plan['documents'];
  readonly faireSimple: Plan['faireSimple'];
  readonly settings: MountCommandSettings;
}): Plan {
  const { settings, ...rest } = parts;
  const { o: options } = settings;
  // A daemon's standard error is gone: its log must lie somewhere.
  const logFile = settings['log-file'] ?? (settings.daemon ? join(parts.stateFolder, 'amarre.log') : undefined);
  return {
    ...rest,
    instance: newInstance(),
    daemon: settings.daemon,
    driver: driverOf(settings),
    appleFiles: settings['apple-files'],
    allowOther: options.allowOther,
    readOnly: isReadOnly(settings),
    uid: options.uid ?? process.getuid?.() ?? 0,
    gid: options.gid ?? process.getgid?.() ?? 0,
    umask: options.umask ?? defaultUmask,
    fsname: options.fsname,
    stallTimeout: settings['stall-timeout'],
    serverTimeout: settings['server-timeout'],
    attrTtl: settings['attr-ttl'],
    dirTtl: settings['dir-ttl'],
    memory: settings.memory,
    requests: settings.requests,
    permissions: settings.permissions,
    lockOnWrite: settings['lock-on-write'],
    insecureHttp: settings['insecure-http'],
    profile: settings.profile,
    logFile,
    logSize: settings['log-size'],
    logLevel: settings['log-level'],
  };
}

function isReadOnly(settings: MountCommandSettings): boolean {
  return settings.o.readOnly || settings['read-only'];
}

/** Returns when the mount answers. */
async function serveInBackground(plan: Plan): Promise<number> {
  const serving = await startServing(plan, { tell: say, signal: untilInterrupted().signal });
  serving.release();
  return exitStatuses.ok.status;
}

/** Returns when the mount has ended, with how it ended. */
async function serveHere(plan: Plan): Promise<number> {
  const interrupted = untilInterrupted();
  const serving = await startServing(plan, { tell: say, signal: interrupted.signal });
  interrupted.forget();
  process.on('SIGINT', () => serving.signal('SIGINT'));
  for (const name of ['SIGTERM', 'SIGHUP'] as const) process.on(name, () => serving.signal('SIGTERM'));
  say(`${plan.remote} is on ${plan.mountpoint}; Ctrl-C or "amarre umount ${plan.mountpoint}" unmounts`);
  const outcome = await serving.ended;
  sayLines(showOutcome(outcome));
  return outcome.status;
}
