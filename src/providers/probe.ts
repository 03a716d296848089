/**
 * What `amarre doctor` asks of a platform beyond what a drive needs: which rights the account has, found
 * by trying each, and what the platform's clock and the line to it are like. Apart from the contract of
 * the drive, since a drive never tries anything for its own sake.
 */

/** What an account may or may not do, in the order in which people are shown it. */
export const rights = ['list', 'download', 'upload', 'overwrite', 'delete', 'rename', 'create folders', 'set times', 'copy'] as const;
export type Right = (typeof rights)[number];

/** What became of trying one thing. `how`: it goes, but not in the usual way. `refused`: the platform said no. `failed`: it said nothing that could be understood. */
export type Trial =
  | { readonly result: 'granted'; readonly how?: string }
  | { readonly result: 'refused' | 'failed'; readonly said: string }
  | { readonly result: 'not tried'; readonly why: string };

/** A transfer that went well. */
export interface Measurement {
  readonly bytes: number;
  readonly milliseconds: number;
}

export interface AccountFacts {
  readonly rights: Readonly<Record<Right, Trial>>;
  /** Parts of files can be read. */
  readonly ranges: Trial;
  /** How long a small question takes, in milliseconds; undefined where none was answered. */
  readonly latency: number | undefined;
  readonly upload: Measurement | undefined;
  readonly download: Measurement | undefined;
  /** Below the remote's base: what was made for trying and could not be deleted again. */
  readonly left: readonly string[];
}

export interface ExaminationOptions {
  /** False: nothing is made or changed, and the rights to do so are `not tried`. */
  readonly write: boolean;
  /** Bytes of the file that goes up and down. */
  readonly bytes: number;
  /** Milliseconds that each thing tried may take. */
  readonly deadline: number;
}

export interface Probe {
  /** Milliseconds by which the platform's clock is ahead of this machine's, to about a second; undefined until it has spoken. */
  clockAhead(): number | undefined;
  /**
   * Tries each right at the remote's base, under hidden names, and deletes what was made, whatever
   * fails. Throws only EINTR, for an abort, when that is done.
   */
  examine(options: ExaminationOptions, signal: AbortSignal): Promise<AccountFacts>;
}
