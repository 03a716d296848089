/** What the server lets an account do means this for a mount. Pure. */
import type { AccountFacts, Measurement, Right, Trial } from '../../providers/probe.js';
import { rights } from '../../providers/probe.js';
import { showSize } from '../units.js';
import type { SignedInFacts } from './account-facts.js';
import { failed, notTried, ok, unless, warning, type Finding, type Trouble } from './findings.js';

/** Clocks further apart than this mislead people, and what compares times, in milliseconds. */
const apart = 60_000;
/** A small question that takes longer than this makes every folder slow to open, in milliseconds. */
const slowAnswer = 1_000;
/** Bytes a second below which large files are better not waited for. */
const slowTransfer = 128 * 1024;

export function judgeSignedIn(facts: SignedInFacts): readonly Finding[] {
  const signIn = 'value' in facts.signIn ? ok('sign-in', 'accepted, and the folder is there') : judgeRefusedSignIn(facts.signIn.trouble);
  const { account } = facts;
  if (account === undefined && 'value' in facts.signIn) {
    return [signIn, notTried('clock', 'not compared on this platform'), notTried('rights', 'not tried on this platform: what the account may not do shows when it is done')];
  }
  return [
    signIn,
    judgeClock(facts.clockAhead),
    ...(account === undefined ? [notTried('rights', 'nobody is signed in')] : unless(account, 'rights', judgeAccount)),
  ];
}

function judgeRefusedSignIn({ code, words }: Trouble): Finding {
  return failed('sign-in', words, signInRemedies[code] ?? 'try again later; if it stays so, ask whoever runs the server');
}

const signInRemedies: Readonly<Record<string, string>> = {
  EACCES: 'check user and password, or use an API key (AMARRE_API_KEY); else ask whoever runs the server about this account',
  EPERM: 'ask whoever runs the server about this account',
  EINVAL: 'give a password: AMARRE_PASSWORD, --password-file or --password-command; or an API key: AMARRE_API_KEY',
  ENOENT: 'correct the folder in the remote',
  ENOTDIR: 'correct the folder in the remote',
};

function judgeClock(ahead: number | undefined): Finding {
  if (ahead === undefined) return notTried('clock', 'the server has not said what time it is');
  const seconds = Math.round(Math.abs(ahead) / 1000);
  const shown = `the server's clock is ${seconds} s ${ahead > 0 ? 'ahead of' : 'behind'} this machine's`;
  if (Math.abs(ahead) <= apart) return ok('clock', seconds < 2 ? 'the server\'s is the same' : shown);
  return warning('clock', shown, 'set the one that is wrong (timedatectl set-ntp true): the drive goes by the server\'s, make and backup programs by both');
}

/** What an account without the right loses. */
const losses: Readonly<Record<Right, string>> = {
  'list': 'folders cannot be looked into',
  'download': 'files cannot be read',
  'upload': 'nothing can be written',
  'overwrite': 'files that are there cannot be replaced',
  'delete': 'nothing can be removed',
  'rename': 'nothing can be renamed, and new files are sent under their own name',
  'create folders': 'no folder can be made',
  'set times': 'files get the time of their upload, so that rsync sends them again',
  'copy': 'cp on the drive goes through this machine',
};

function judgeAccount(account: AccountFacts): readonly Finding[] {
  return [
    ...rights.map((right) => judgeRight(right, account.rights[right])),
    judgeRanges(account.ranges),
    judgeLatency(account.latency),
    ...(account.upload === undefined ? [] : [judgeSpeed('upload speed', account.upload)]),
    ...(account.download === undefined ? [] : [judgeSpeed('download speed', account.download)]),
    ...(account.left.length === 0 ? [] : [warning('left behind', account.left.join(', '), 'delete what is named here with an account that may')]),
  ];
}

function judgeRight(right: Right, trial: Trial): Finding {
  const check = `right: ${right}`;
  switch (trial.result) {
    case 'granted': return ok(check, trial.how ?? 'granted');
    case 'refused': return warning(check, `refused: ${losses[right]}`, 'if it is needed, ask whoever runs the server for this right');
    case 'failed': return warning(check, trial.said, 'run amarre doctor again; if it stays so, ask whoever runs the server');
    case 'not tried': return notTried(check, trial.why);
  }
}

function judgeRanges(trial: Trial): Finding {
  switch (trial.result) {
    case 'granted': return ok('ranges', 'parts of files can be read');
    case 'not tried': return notTried('ranges', trial.why);
    default: return warning('ranges', trial.said, 'programs that jump about in a file will be slow; a proxy before the server may take Range headers away');
  }
}

function judgeLatency(milliseconds: number | undefined): Finding {
  if (milliseconds === undefined) return notTried('latency', 'no small question was answered');
  const shown = `${Math.round(milliseconds)} ms for a small question`;
  return milliseconds <= slowAnswer ? ok('latency', shown) : warning('latency', shown, 'a longer --dir-ttl and --attr-ttl ask less often; look for a nearer or less busy way to the server');
}

function judgeSpeed(check: string, { bytes, milliseconds }: Measurement): Finding {
  const rate = bytes / Math.max(milliseconds, 1) * 1000;
  const shown = `${showSize(Math.round(rate))}/s (${showSize(bytes)} in ${Math.round(milliseconds)} ms)`;
  // A small file tells of the pauses and not of the line.
  if (rate >= slowTransfer || bytes < slowTransfer) return ok(check, shown);
  return warning(check, shown, 'large files will take long; compare with another way to the server');
}
