/** What every provider is given besides its remote. Required, without defaults: those stand with the command's options. */
import type { NetworkSettings } from '../http/dialing.js';
import type { RequestObserver } from '../observe/requests.js';
import type { Instances } from './hidden-names.js';

/** What signs in; which of them a platform needs is its own matter. Never logged. */
export interface Credentials {
  readonly password?: string | undefined;
  readonly apiKey?: string | undefined;
  /** A code of a second factor: good for one sign-in. */
  readonly otp?: string | undefined;
  /** The secret of an OAuth client. */
  readonly oauthSecret?: string | undefined;
}

/**
 * What a provider must know again, after a restart too, of an upload in pieces that is under way, by the
 * place that it goes to. What is lost costs a repetition.
 */
export interface UploadRecords {
  find(place: string): Promise<string | undefined>;
  keep(place: string, record: string): Promise<void>;
  forget(place: string): Promise<void>;
}

/** For who sends nothing that lasts: nothing is remembered. */
export const noUploadRecords: UploadRecords = {
  find: () => Promise.resolve(undefined),
  keep: () => Promise.resolve(),
  forget: () => Promise.resolve(),
};

/** A person's tokens, as mounts of his account share them. */
export interface SharedTokens {
  readonly refreshToken: string;
  /** What the last renewal gave, while it may be good: a renewal can end the token before it, which others use. `endsAt` in milliseconds since the epoch. */
  readonly access?: { readonly text: string; readonly endsAt?: number | undefined } | undefined;
}

/** Where they last beyond the process. */
export interface KeptTokens {
  /**
   * Hands the tokens out, to one at a time of all who share them, and keeps what comes back in `next`
   * in their place before it resolves. Answers undefined where none are kept any more.
   */
  use<T>(work: (tokens: SharedTokens) => Promise<{ readonly result: T; readonly next?: SharedTokens | undefined }>, signal: AbortSignal): Promise<T | undefined>;
}

export interface OAuthSettings {
  readonly clientId: string;
  /** What a client that signs in for itself asks for. */
  readonly scopes: readonly string[];
  /** The sign-in of a person; undefined: the client signs in for itself. */
  readonly kept: KeptTokens | undefined;
}

/** How NetExplorer's links are made and where they lead, which differs from one platform to the next. */
export interface LinkSettings {
  /** Which form share links have: `old` alone knows a password and a number of downloads. `auto`: what is there shows it. */
  readonly form: 'auto' | 'new' | 'old';
  /** What is sent to make one, JSON with words such as `{expires}` in it; undefined: as `form` says. */
  readonly shareBody: Readonly<Record<string, unknown>> | undefined;
  readonly depositBody: Readonly<Record<string, unknown>> | undefined;
  /** What a person opens, with `{key}` in it: a path on the platform, or a whole address. */
  readonly shareAddress: string;
  readonly depositAddress: string;
}

/** What only NetExplorer takes. */
export interface NetexplorerSettings {
  /** The id of the user for whom all is done, where it is not who signs in. */
  readonly actAs?: string | undefined;
  /** What becomes of names that the platform does not take: EINVAL, or written otherwise there. */
  readonly names: 'refuse' | 'encode';
  /** Folders `.versions` and `.trash` can be entered. */
  readonly showVersions: boolean;
  readonly links: LinkSettings;
  /** Signs in by OAuth; undefined: by password. */
  readonly oauth?: OAuthSettings | undefined;
  /** A file that is there gets a new version, or other bytes in the place of its present one, as far as the account may. */
  readonly overwrite: 'version' | 'replace';
  /** What is deleted goes to the platform's trash. */
  readonly trash: boolean;
  /** What is written below a folder whose files the platform deletes after some days. */
  readonly purgeFolders: 'warn' | 'refuse';
}

/** How documents are kept that are read whole, on a platform that gives feeds and no files. */
export interface DocumentSettings {
  /** Bytes of all in memory, and of the largest. */
  readonly memory: number;
  /** Milliseconds for which one is believed. */
  readonly ttl: number;
  /** Laid out for people. */
  readonly pretty: boolean;
}

/** What only faire-simple takes. */
export interface FaireSimpleSettings {
  /** A table of routes in place of its own, as JSON. */
  readonly routes?: string | undefined;
  /** The field of a partner in the list that names him. */
  readonly uidField: string;
  /** The field of a partner that tells his present status, where one does. */
  readonly statusField?: string | undefined;
}

export interface ProviderSettings {
  /** Requests to the platform at once. */
  readonly parallelRequests: number;
  /** Milliseconds without progress while bytes are due. Failed requests are repeated for twice as long. */
  readonly stallTimeout: number;
  /** Milliseconds that the platform may take for the end of an upload, a copy or a move. */
  readonly serverTimeout: number;
  /**
   * Milliseconds for which a list of everything may be used again, on platforms that have no other: as long as
   * the kernel believes what it was told.
   */
  readonly listTtl: number;
  /** Plain http to another machine is allowed. */
  readonly insecureHttp: boolean;
  /** The way to the platform: proxy, certificates, how long a connection may take. */
  readonly network: NetworkSettings;
  /** Milliseconds that have passed, sleep included. */
  readonly elapsed: () => number;
  /** Which services the server offers, as far as a person says so; `auto`: what it refuses shows. */
  readonly profile: 'auto' | 'geredis';
  readonly instances: Instances;
  readonly uploads: UploadRecords;
  readonly netexplorer: NetexplorerSettings;
  readonly documents: DocumentSettings;
  readonly faireSimple: FaireSimpleSettings;
  /** Where requests are counted. */
  readonly observer: RequestObserver;
}
