/** `amarre doctor`: looks at all that a mount depends on, here and on the way to a remote, and says what is wrong with it and what to do. */
import type { NetworkSettings } from '../http/dialing.js';
import { elapsed } from '../http/elapsed.js';
import { silentLog } from '../observe/log.js';
import { unobserved } from '../observe/requests.js';
import { openProvider } from '../providers/open.js';
import { noUploadRecords } from '../providers/settings.js';
import type { Provider } from '../providers/provider.js';
import { parseRemote, type Remote } from '../providers/remote.js';
import { newInstance } from '../storage/mount-records.js';
import { readAccess } from './access.js';
import type { Command } from './command.js';
import { readDocumentSettings } from './documents.js';
import { readSignedInFacts } from './doctor/account-facts.js';
import { judgeSignedIn } from './doctor/account-findings.js';
import { notTried, showFinding, showSummary, wouldMount, type Finding } from './doctor/findings.js';
import { readMachineFacts } from './doctor/machine-facts.js';
import { judgeMachine } from './doctor/machine-findings.js';
import { readNetworkFacts } from './doctor/network-facts.js';
import { judgeNetwork, reachesServer } from './doctor/network-findings.js';
import { netexplorerSettings, type NetexplorerPlan } from './netexplorer-access.js';
import { CommandError, exitStatuses } from './exit-status.js';
import { untilInterrupted } from './interrupted.js';
import { checkRemote, driverOf } from './mount.js';
import { doctorSchema, mountSchema, readOptions, type DoctorSettings } from './options.js';
import type { Plan } from './serving/plan.js';
import { takeSecrets, type Credentials } from './secrets.js';
import { stateFolderPath } from './state-folder.js';
import { say } from './terminal.js';

export const doctorCommand: Command = {
  words: { remote: 'As for mount; without it this machine alone is looked at' },
  options: doctorSchema,
  notes: 'With a remote of SFTPGo, rights are tried with files of hidden names (.amarre-…) in its folder, which are deleted again; --no-write does without.'
    + ' Secrets come from where mount takes them. The exit status is 0 where mounting would work, and 1 where it would not.',
  examples: [
    ['amarre doctor', 'what mounting needs on this machine'],
    ['amarre doctor sftpgo+https://ann@files.example.org/team', 'and whether ann can work there'],
  ],
  run: runDoctor,
};

/** A server is given less time than on a mount: somebody waits. Milliseconds. */
const patience = { stallTimeout: 10_000, serverTimeout: 30_000 };
/** Bytes of documents that are read for a look. */
const documentMemory = 64 * 2 ** 20;
/** One question at a time. */
const parallelRequests = 2;

/** Takes the findings of one part as soon as they are there. */
type Tell = (part: 'machine' | 'remote', findings: readonly Finding[]) => void;

async function runDoctor(written: Readonly<Record<string, unknown>>): Promise<number> {
  const given = takeSecrets(process.env);
  const settings = readOptions(doctorSchema, written);
  const named = written['remote'];
  const target = typeof named === 'string'
    ? { remote: parseRemote(checkRemote(named)), ...await readAccess(named, given, { ...readOptions(mountSchema, {}), ...settings }, { stateFolder: stateFolderPath(settings['cache-dir']), readOnly: settings['no-write'] }), ...await readDocumentSettings(settings) }
    : undefined;
  const { signal, forget } = untilInterrupted();
  const report = openReport(settings.json, target?.remote);
  try {
    await examine(target, settings, report.tell, signal);
  } catch (error) {
    if (signal.aborted) throw new CommandError('failed', 'interrupted', { cause: error });
    throw error;
  } finally {
    forget();
  }
  return report.end();
}

/** A remote with all that leads to it. */
interface Target {
  readonly remote: Remote;
  readonly credentials: Credentials;
  readonly network: NetworkSettings;
  readonly netexplorer: NetexplorerPlan;
  readonly documents: Plan['documents'];
  readonly faireSimple: Plan['faireSimple'];
}

async function examine(target: Target | undefined, settings: DoctorSettings, tell: Tell, signal: AbortSignal): Promise<void> {
  tell('machine', judgeMachine(await readMachineFacts({ cacheDir: settings['cache-dir'], driver: driverOf(settings) }, signal)));
  if (target === undefined) return;
  const network = judgeNetwork(await readNetworkFacts(target.remote, target.network, settings['insecure-http'], signal));
  tell('remote', network);
  if (!reachesServer(network)) {
    tell('remote', ['sign-in', 'clock', 'rights'].map((check) => notTried(check, 'the server is out of reach')));
    return;
  }
  const write = !settings['no-write'];
  const sayTrials = (): void => {
    if (write) say('trying rights with files named .amarre-… in the remote\'s folder, which are deleted again (--no-write does without)');
  };
  tell('remote', judgeSignedIn(await readSignedInFacts(() => openRemote(target, settings), write, sayTrials, signal)));
}

function openRemote({ remote, credentials, network, netexplorer, documents, faireSimple }: Target, settings: DoctorSettings): Provider {
  const instances = { own: newInstance(), isDead: () => false };
  return openProvider(remote, credentials, {
    ...patience, parallelRequests, instances, network, elapsed, profile: settings.profile, netexplorer: netexplorerSettings(netexplorer, remote, stateFolderPath(settings['cache-dir']), silentLog()), documents: { ...documents, memory: documentMemory }, faireSimple, observer: unobserved, uploads: noUploadRecords, insecureHttp: settings['insecure-http'], listTtl: 0,
  }, silentLog());
}

/** A person sees each part when it is there; a program gets one JSON text at the end. */
function openReport(json: boolean, remote: Remote | undefined): { readonly tell: Tell; readonly end: () => number } {
  const parts = { machine: new Array<Finding>(), remote: new Array<Finding>() };
  const titles = { machine: 'This machine', remote: remote?.withoutUser ?? '' };
  return {
    tell: (part, findings) => {
      if (!json && parts[part].length === 0) process.stdout.write(`${titles[part]}\n`);
      parts[part].push(...findings);
      if (!json) for (const finding of findings) process.stdout.write(`${showFinding(finding)}\n`);
    },
    end: () => {
      const all = [...parts.machine, ...parts.remote];
      const works = wouldMount(all);
      if (json) process.stdout.write(`${JSON.stringify({ works, ...parts }, null, 2)}\n`);
      else process.stdout.write(`${showSummary(all)}\n`);
      return works ? exitStatuses.ok.status : exitStatuses.failed.status;
    },
  };
}
