/** What can be chosen of the emulated server. Everything has SFTPGo's own default, in one place: here. */
import type { UserSettings } from './users.js';

export interface DefenderSettings {
  /** Points at which an address is banned; a bad password is 1. SFTPGo: 15. */
  readonly threshold?: number | undefined;
  /** Points older than this do not count, in seconds. SFTPGo: 1800. */
  readonly observationS?: number | undefined;
  /** How long a ban lasts, in seconds. SFTPGo: 1800. */
  readonly banS?: number | undefined;
  /** How late the answer to a bad login is, in milliseconds. SFTPGo: 1000. */
  readonly badLoginDelayMs?: number | undefined;
}

export interface RateLimiterSettings {
  /** So many requests ... */
  readonly average: number;
  /** ... in so many milliseconds ... */
  readonly periodMs: number;
  /** ... and so many at once after a quiet time. */
  readonly burst: number;
}

export interface SftpgoOptions {
  /** The folder to serve; it must exist. Left out: a folder of sample files, removed at the end. */
  readonly root?: string | undefined;
  /** Default 0: one that is free. */
  readonly port?: number | undefined;
  /** Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** A wait before each answer, in milliseconds. Default 0. */
  readonly latencyMs?: number | undefined;
  /** SFTPGo's `upload_mode`: 0 in place, 1 atomic, 2 atomic but a broken upload is kept. Default 0. */
  readonly uploadMode?: 0 | 1 | 2 | undefined;
  /** Quota of `u` in bytes. Default 0: none. */
  readonly quotaBytes?: number | undefined;
  /** Requests that `u` may have in progress. Default 0: no limit. */
  readonly maxSessions?: number | undefined;
  /** Life of a token in seconds. Default 1200. */
  readonly tokenLifetimeS?: number | undefined;
  /** How long a token works after its end, in seconds. Default 30. */
  readonly tokenLeewayS?: number | undefined;
  /** Requests in progress from one address; 0 is no limit. Default 20. */
  readonly maxPerHost?: number | undefined;
  /** `true` or settings: the defender is on. Default: off. */
  readonly defender?: boolean | DefenderSettings | undefined;
  /** Default: no limit of the rate. */
  readonly rateLimiter?: RateLimiterSettings | undefined;
  /** After so many milliseconds an idle connection is closed. Default 60,000. */
  readonly idleTimeoutMs?: number | undefined;
  /**
   * Every service but the four that GEREDIS documents (token, list, streamzip, form) is refused: with 403 as for a
   * missing right, with 404 or 405 as for a missing route. Default: none is.
   */
  readonly refuseOthers?: RefuseOthers | undefined;
  /** Users besides the record's, and changes to those. */
  readonly users?: Readonly<Record<string, UserSettings>> | undefined;
  /** The server's clock, in milliseconds since the epoch; it decides when tokens and bans end. Default: the machine's. */
  readonly now?: (() => number) | undefined;
}

export type RefuseOthers = 403 | 404 | 405;

export interface ServerChoices {
  readonly uploadMode: 0 | 1 | 2;
  readonly tokenLifetimeS: number;
  readonly tokenLeewayS: number;
  readonly maxPerHost: number;
  readonly defender: Required<{ [K in keyof DefenderSettings]: number }> | undefined;
  readonly rateLimiter: RateLimiterSettings | undefined;
  readonly idleTimeoutMs: number;
  readonly now: () => number;
}

export function choices(options: SftpgoOptions): ServerChoices {
  const { defender = false } = options;
  const chosen = typeof defender === 'boolean' ? {} : defender;
  return {
    uploadMode: options.uploadMode ?? 0,
    tokenLifetimeS: options.tokenLifetimeS ?? 1200,
    tokenLeewayS: options.tokenLeewayS ?? 30,
    maxPerHost: options.maxPerHost ?? 20,
    defender:
      defender === false
        ? undefined
        : {
            threshold: chosen.threshold ?? 15,
            observationS: chosen.observationS ?? 1800,
            banS: chosen.banS ?? 1800,
            badLoginDelayMs: chosen.badLoginDelayMs ?? 1000,
          },
    rateLimiter: options.rateLimiter,
    idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
    now: options.now ?? Date.now,
  };
}
