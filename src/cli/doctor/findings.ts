/** What `amarre doctor` says: one finding a check, as lines for a person and as JSON for a program. */
import { oneLine } from '../terminal.js';

/** `failed`: mounting would not work. `warning`: it would, but something will be missing. `not tried`: an earlier failure stood before it. */
export type Verdict = 'ok' | 'warning' | 'failed' | 'not tried';

export interface Finding {
  /** What was looked at: a short name, which does not change. */
  readonly check: string;
  readonly verdict: Verdict;
  /** What was found, in a line. */
  readonly found: string;
  /** What to do, in a line: with every warning and failure, and with nothing else. */
  readonly remedy?: string;
}

/** What could not even be looked at. */
export interface Trouble {
  /** The name of the errno, or of the kind of failure. */
  readonly code: string;
  /** What OpenSSL or the resolver calls it, where they know. */
  readonly cause?: string | undefined;
  readonly words: string;
}

/** A fact that was asked for: as found, or why it could not be. */
export type Found<T> = { readonly value: T } | { readonly trouble: Trouble };

export function ok(check: string, found: string): Finding {
  return { check, verdict: 'ok', found };
}

export function warning(check: string, found: string, remedy: string): Finding {
  return { check, verdict: 'warning', found, remedy };
}

export function failed(check: string, found: string, remedy: string): Finding {
  return { check, verdict: 'failed', found, remedy };
}

export function notTried(check: string, found: string): Finding {
  return { check, verdict: 'not tried', found };
}

/** A fact that could not be found out is a warning: what depends on it may work all the same. */
export function unless<T>(fact: Found<T>, check: string, judge: (value: T) => Finding | readonly Finding[]): readonly Finding[] {
  if ('trouble' in fact) return [warning(check, `could not be found out: ${fact.trouble.words}`, 'run amarre doctor again; if it stays so, please report it')];
  const findings = judge(fact.value);
  return 'check' in findings ? [findings] : findings;
}

const checkWidth = 22;
const verdictWidth = 10;

/** A finding for the terminal: a line, and one for the remedy. */
export function showFinding({ check, verdict, found, remedy }: Finding): string {
  const line = `  ${verdict.padEnd(verdictWidth)}${check.padEnd(checkWidth)}${oneLine(found)}`;
  return remedy === undefined ? line : `${line}\n${' '.repeat(verdictWidth + 2)}→ ${oneLine(remedy)}`;
}

/** Whether a mount would work: nothing failed. */
export function wouldMount(findings: readonly Finding[]): boolean {
  return findings.every(({ verdict }) => verdict !== 'failed');
}

/** The last line. */
export function showSummary(findings: readonly Finding[]): string {
  const names = (wanted: Verdict) => findings.filter(({ verdict }) => verdict === wanted).map(({ check }) => check);
  const [bad, doubtful] = [names('failed'), names('warning')];
  const rest = doubtful.length === 0 ? '' : `; warnings: ${doubtful.join(', ')}`;
  return bad.length === 0 ? `Mounting works${rest}.` : `Mounting does not work: ${bad.join(', ')}${rest}.`;
}
