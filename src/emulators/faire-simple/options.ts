/**
 * What can be chosen of the emulated faire-simple. No server of it runs today: what its document leaves open is a
 * choice here, with what is inferred as the default (faire-simple's page).
 */
import { randomBytes } from 'node:crypto';

export interface FaireSimpleOptions {
  /** Default 0: one that is free. */
  readonly port?: number | undefined;
  /** Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** A wait before each answer, in milliseconds. Default 0. */
  readonly latencyMs?: number | undefined;
  /** After so many milliseconds an idle connection is closed. Default 60,000. */
  readonly idleTimeoutMs?: number | undefined;
  /** What stands in front of the routes. Default `/api`. */
  readonly prefix?: string | undefined;
  /** Defaults: `amarre`, `p`, and a key that is made up. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly key?: string | undefined;
  /** How a wrong key is answered. Default 403. */
  readonly badKeyStatus?: 401 | 403 | undefined;
  /** How many partners there are. Default 300. */
  readonly partners?: number | undefined;
  /** About how large the list of all partners is, in bytes. Default 4 MiB. */
  readonly feedBytes?: number | undefined;
  /** The field that names a partner in the list. Default `uid`. */
  readonly uidField?: string | undefined;
  /** The field of `/users/:uid` that tells the present status, 0 or 1. Default: none does. */
  readonly statusField?: string | undefined;
  /** Lengths of the answers are told. Default false: they come in chunks. */
  readonly tellsLength?: boolean | undefined;
  /** The server's clock, in milliseconds since the epoch. Default: the machine's. */
  readonly now?: (() => number) | undefined;
}

export type FaireSimpleChoices = ReturnType<typeof choices>;

export function choices(options: FaireSimpleOptions) {
  return {
    host: options.host ?? '127.0.0.1',
    idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
    prefix: options.prefix ?? '/api',
    user: options.user ?? 'amarre',
    password: options.password ?? 'p',
    key: options.key ?? randomBytes(16).toString('hex'),
    badKeyStatus: options.badKeyStatus ?? 403,
    partners: options.partners ?? 300,
    feedBytes: options.feedBytes ?? 4 * 2 ** 20,
    uidField: options.uidField ?? 'uid',
    statusField: options.statusField,
    tellsLength: options.tellsLength ?? false,
    now: options.now ?? Date.now,
  } as const;
}
