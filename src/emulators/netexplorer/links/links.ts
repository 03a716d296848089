/** The links that were made, and what each opens to whom (NetExplorer's page: share link). */
import { newSecret } from '../signing-in/connections.js';
import type { FileNode, FolderNode, Version } from '../tree.js';
import type { User } from '../users.js';

/** What visitors may do with what a link opens. */
export interface RootRights {
  readonly download: boolean;
  readonly preview: boolean;
  readonly edit: boolean;
}

/** A file or folder that a link opens; of a file, the version that was the newest when the link was made. */
export type Root = { readonly can: RootRights } & (
  | { readonly kind: 'file'; readonly node: FileNode; readonly version: Version }
  | { readonly kind: 'folder'; readonly node: FolderNode }
);

/** What of a link is chosen by who makes it, and can be changed. Times are milliseconds since the epoch. */
export interface LinkTerms {
  readonly name: string;
  readonly flags: number;
  /** Undefined: never. */
  readonly expiresAt: number | undefined;
  /** These exist in the older form only. */
  readonly password: string | undefined;
  readonly maxDownloads: number | undefined;
  readonly notify: boolean;
  /** The link opens the newest version, not the one it was made for. */
  readonly autoupdate: boolean;
  readonly onlyPreview: boolean;
  readonly forceDownload: boolean;
}

export interface ShareLink {
  readonly id: number;
  readonly key: string;
  readonly owner: User;
  readonly createdAt: number;
  readonly roots: readonly Root[];
  terms: LinkTerms;
  /** Downloads so far. */
  downloads: number;
}

export interface DepositLink {
  readonly id: number;
  readonly key: string;
  readonly owner: User;
  readonly folder: FolderNode;
  expiresAt: number | undefined;
}

/** All links of the platform. */
export class Links {
  readonly shares = new Map<number, ShareLink>();
  readonly deposits = new Map<number, DepositLink>();
  #next = 1;

  share(owner: User, roots: readonly Root[], terms: LinkTerms, createdAt: number): ShareLink {
    const link = { id: this.#next++, key: newSecret(), owner, createdAt, roots, terms, downloads: 0 };
    this.shares.set(link.id, link);
    return link;
  }

  deposit(owner: User, folder: FolderNode, expiresAt: number | undefined): DepositLink {
    const link = { id: this.#next++, key: newSecret(), owner, folder, expiresAt };
    this.deposits.set(link.id, link);
    return link;
  }
}

/** The link with this key. */
export function withKey<T extends { readonly key: string }>(links: ReadonlyMap<number, T>, key: string): T | undefined {
  return [...links.values()].find((link) => link.key === key);
}

export function hasExpired(expiresAt: number | undefined, now: number): boolean {
  return expiresAt !== undefined && now >= expiresAt;
}

/** Downloads that are left; undefined: without a limit. */
export function downloadsLeft({ terms: { maxDownloads }, downloads }: ShareLink): number | undefined {
  return maxDownloads === undefined ? undefined : Math.max(0, maxDownloads - downloads);
}

/** The password does not count: a link that asks for one is valid. */
export function isValid(link: ShareLink, now: number): boolean {
  return !hasExpired(link.terms.expiresAt, now) && downloadsLeft(link) !== 0;
}
