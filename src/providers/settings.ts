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

/** What only NetExplorer takes. */
export interface NetexplorerSettings {
  /** The id of the user for whom all is done, where it is not who signs in. */
  readonly actAs?: string | undefined;
}

export interface ProviderSettings {
  /** Requests to the platform at once. */
  readonly parallelRequests: number;
  /** Milliseconds without progress while bytes are due. Failed requests are repeated for twice as long. */
  readonly stallTimeout: number;
  /** Milliseconds that the platform may take for the end of an upload, a copy or a move. */
  readonly serverTimeout: number;
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
  /** Where requests are counted. */
  readonly observer: RequestObserver;
}
