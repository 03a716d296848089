/**
 * What NetExplorer alone takes of the command line, and how it signs in: by password, by what
 * `amarre sign-in` kept of a person, or as an OAuth client of its own.
 */
import { z } from 'zod';
import type { Log } from '../observe/log.js';
import { scopesFor } from '../providers/netexplorer/oauth.js';
import type { Remote } from '../providers/remote.js';
import type { KeptTokens, NetexplorerSettings, SharedTokens } from '../providers/settings.js';
import { keptSignIn, type KeptSignIn } from '../storage/kept-sign-ins.js';
import { CommandError } from './exit-status.js';
import { linkForms, type MountCommandSettings } from './options.js';

/** As it passes to the serving process. It holds no secret. */
export const netexplorerPlanSchema = z.object({
  actAs: z.string().optional(),
  /** What becomes of names that the platform forbids. */
  names: z.enum(['refuse', 'encode']),
  showVersions: z.boolean(),
  links: z.object({
    form: z.enum(linkForms),
    shareBody: z.record(z.string(), z.unknown()).optional(),
    depositBody: z.record(z.string(), z.unknown()).optional(),
    shareAddress: z.string(),
    depositAddress: z.string(),
  }),
  /** What writing over a file makes. */
  overwrite: z.enum(['version', 'replace']),
  /** What is deleted goes to the trash. */
  trash: z.boolean(),
  /** What is written below folders whose files the platform deletes after some days. */
  purgeFolders: z.enum(['warn', 'refuse']),
  oauth: z.object({
    clientId: z.string(),
    scopes: z.array(z.string()),
    /** By the person's sign-in in the state folder. */
    kept: z.boolean(),
  }).optional(),
});
export type NetexplorerPlan = z.infer<typeof netexplorerPlanSchema>;

type Plain = Pick<MountCommandSettings,
  'names' | 'overwrite' | 'no-trash' | 'no-purge-folders' | 'show-versions' | 'link-form' | 'link-body' | 'link-address' | 'deposit-body' | 'deposit-address'>;
/** The options that matter for NetExplorer. */
export type WantedOfNetexplorer = Plain & Pick<MountCommandSettings, 'as' | 'oauth-client' | 'oauth-secret-file' | 'oauth-secret-command' | 'offline-access'>;

/** Options that another platform would not heed. */
const own = ['as', 'oauth-client', 'oauth-secret-file', 'oauth-secret-command', 'offline-access', 'show-versions', 'no-trash', 'no-purge-folders', 'link-body', 'deposit-body'] as const;

export interface Surroundings {
  readonly stateFolder: string;
  /** A password was named, by option or environment. */
  readonly hasPassword: boolean;
  readonly readOnly: boolean;
}

/** The kept sign-in of a remote's account. */
export function keptSignInOf(stateFolder: string, remote: Remote): KeptSignIn {
  return keptSignIn(stateFolder, remote.host, remote.account);
}

/** Chooses. A usage or sign-in error in one sentence where what there is does not fit together. */
export async function chooseNetexplorerAccess(remote: Remote, wanted: WantedOfNetexplorer, surroundings: Surroundings): Promise<NetexplorerPlan> {
  if (remote.platform !== 'netexplorer') {
    const [foreign] = own.filter((name) => wanted[name] !== undefined && wanted[name] !== false);
    if (foreign !== undefined) throw new CommandError('usage', `--${foreign}: ${remote.platform} does not take it, only netexplorer`);
    return plainPlan(wanted);
  }
  const oauth = await chooseOAuth(remote, wanted, surroundings);
  return { ...plainPlan(wanted), ...(wanted.as !== undefined && { actAs: wanted.as }), ...(oauth !== undefined && { oauth }) };
}

async function chooseOAuth(remote: Remote, wanted: WantedOfNetexplorer, { stateFolder, hasPassword, readOnly }: Surroundings): Promise<NetexplorerPlan['oauth']> {
  const clientId = wanted['oauth-client'];
  if (clientId === undefined && hasPassword) return undefined;
  const kept = await readKept(keptSignInOf(stateFolder, remote));
  if (kept !== undefined) {
    if (clientId !== undefined && clientId !== kept.clientId) {
      throw new CommandError('usage', `--oauth-client ${clientId}: the sign-in that is kept is of ${kept.clientId}; run "amarre sign-in" again, or "amarre sign-in --forget"`);
    }
    if (!readOnly && kept.scopes.some((scope) => scope.endsWith('.read'))) {
      throw new CommandError('usage', 'the sign-in that is kept may only read: mount with --read-only, or run "amarre sign-in" again without it');
    }
    return { clientId: kept.clientId, scopes: kept.scopes, kept: true };
  }
  if (clientId === undefined) return undefined;
  if (remote.user !== undefined) {
    throw new CommandError('signIn', `${remote.user} has not signed in here yet: run "amarre sign-in" first (without a user in the remote the OAuth client signs in for itself)`);
  }
  return { clientId, scopes: [...scopesFor({ readOnly, offline: wanted['offline-access'] })], kept: false };
}

async function readKept(kept: KeptSignIn): ReturnType<KeptSignIn['read']> {
  try {
    return await kept.read();
  } catch (error) {
    throw new CommandError('usage', error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** What has nothing to do with signing in. */
export function plainPlan(wanted: Plain): NetexplorerPlan {
  return {
    names: wanted.names,
    overwrite: wanted.overwrite,
    trash: !wanted['no-trash'],
    purgeFolders: wanted['no-purge-folders'] ? 'refuse' : 'warn',
    showVersions: wanted['show-versions'],
    links: {
      form: wanted['link-form'], shareAddress: wanted['link-address'], depositAddress: wanted['deposit-address'],
      ...(wanted['link-body'] !== undefined && { shareBody: wanted['link-body'] }), ...(wanted['deposit-body'] !== undefined && { depositBody: wanted['deposit-body'] }),
    },
  };
}

/** What the provider is given. */
export function netexplorerSettings({ oauth, links: { shareBody, depositBody, ...links }, ...plain }: NetexplorerPlan, remote: Remote, stateFolder: string, log: Log): NetexplorerSettings {
  const settings = { ...plain, links: { ...links, shareBody, depositBody } };
  if (oauth === undefined) return settings;
  const { clientId, scopes, kept } = oauth;
  return { ...settings, oauth: { clientId, scopes, kept: kept ? keptTokensOf(keptSignInOf(stateFolder, remote), log) : undefined } };
}

/** The tokens in the state folder, used by one process at a time. */
export function keptTokensOf(kept: KeptSignIn, log: Log): KeptTokens {
  /** What came in the place of the refresh token `of`, and could not be kept. */
  let unkept: { readonly of: string; readonly tokens: SharedTokens } | undefined;
  return {
    use: (work, signal) => kept.alone(async () => {
      const record = await kept.read();
      if (record === undefined) return undefined;
      const { result, next } = await work(unkept?.of === record.refreshToken ? unkept.tokens : record);
      if (next === undefined) return result;
      try {
        await kept.write({ ...record, refreshToken: next.refreshToken, access: next.access });
        unkept = undefined;
      } catch (error) {
        // The drive goes on with it; the next mount could not.
        unkept = { of: record.refreshToken, tokens: next };
        log.error({ err: error }, `the renewed sign-in could not be kept in ${kept.path}: the next mount will want another "amarre sign-in"`);
      }
      return result;
    }, signal),
  };
}
