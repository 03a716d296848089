/** What can be chosen of the emulated NetExplorer, with the defaults; what concerns signing in, OAuth and links is beside those. */
import { Clock } from '../common/clock.js';
import { linkChoices, type LinkOptions } from './links/options.js';
import { oauthChoices, type OAuthOptions } from './oauth/options.js';
import { signInChoices, type SignInOptions } from './signing-in/options.js';
import type { SurpriseChange } from './surprises.js';
import type { UserSettings } from './users.js';

export interface NetexplorerOptions {
  /**
   * The folder on this machine's disk that holds the platform's tree: its folders are the root folders; files in it,
   * beside them, are not the platform's. Where it holds no folder, one is made: `Commun`. Left out: a folder of sample
   * files, removed at the end.
   */
  readonly root?: string | undefined;
  /** The root on the disk is the root folder of this name, which the announced remote names, and not the top. */
  readonly rootFolder?: string | undefined;
  /**
   * What is listed or asked for is compared with the disk first, so that a test need not say that it changed something
   * there. Default false.
   */
  readonly followsDisk?: boolean | undefined;
  /** Default 0: one that is free. */
  readonly port?: number | undefined;
  /** Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** A wait before each answer, in milliseconds. Default 0. */
  readonly latencyMs?: number | undefined;
  /** After so many milliseconds an idle connection is closed. Default 60,000. */
  readonly idleTimeoutMs?: number | undefined;
  /** Users besides `u`, `marie` and `admin`, and changes to those. */
  readonly users?: Readonly<Record<string, UserSettings>> | undefined;
  /** The platform's quota in bytes. Default 0: none. */
  readonly quotaBytes?: number | undefined;
  /** The largest file of one request or of all blocks, in bytes. Default 0: no limit. */
  readonly maxFileBytes?: number | undefined;
  /** The offset in which times are written, in minutes. Default 120. */
  readonly offsetMinutes?: number | undefined;
  /** `GET /roots` is there, as on newer platforms. Default true. */
  readonly hasRoots?: boolean | undefined;
  readonly surprises?: SurpriseChange | undefined;
  readonly signIn?: SignInOptions | undefined;
  readonly oauth?: OAuthOptions | undefined;
  readonly links?: LinkOptions | undefined;
  /** The platform's clock, in milliseconds since the epoch. Default: the machine's. */
  readonly now?: (() => number) | undefined;
}

export type Choices = ReturnType<typeof choices>;

export function choices(options: NetexplorerOptions) {
  return {
    followsDisk: options.followsDisk ?? false,
    idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
    maxFileBytes: options.maxFileBytes ?? 0,
    offsetMinutes: options.offsetMinutes ?? 120,
    hasRoots: options.hasRoots ?? true,
    signIn: signInChoices(options.signIn ?? {}),
    oauth: oauthChoices(options.oauth ?? {}),
    links: linkChoices(options.links ?? {}),
    clock: new Clock(options.now ?? Date.now),
  } as const;
}
