/**
 * What the platform says of itself and of the account when a drive is mounted: what it can do, and who is
 * asking. Neither is needed to read and write files, so that a platform that does not tell is no failure.
 * (NetExplorer's page: routes)
 */
import { z } from 'zod';
import type { Log } from '../../observe/log.js';
import type { Api } from './api.js';
import { readId } from './objects.js';

/** Undefined: the platform did not say. */
export interface Features {
  readonly lock: boolean | undefined;
  readonly lockRead: boolean | undefined;
  readonly edit: boolean | undefined;
  readonly trash: boolean | undefined;
  readonly versioning: boolean | undefined;
}

const flag = z.union([z.boolean(), z.number()]).transform((value) => value === true || (typeof value === 'number' && value !== 0)).optional().catch(undefined);
const publicConfig = z.looseObject({
  features: z.looseObject({ lock: flag, lock_read: flag, edit: flag, trash: flag, versioning: flag }),
});
const accountAnswer = z.looseObject({ id: z.unknown().optional(), user: z.unknown().optional() });

export class Account {
  private known: Features = { lock: undefined, lockRead: undefined, edit: undefined, trash: undefined, versioning: undefined };
  private own: string | undefined;

  /** `actAs`: the number of the user in whose name everything is done, where it is not the one who signs in. */
  constructor(private readonly api: Api, private readonly actAs: string | undefined, private readonly log: Log) {}

  get features(): Features {
    return this.known;
  }

  /** The number of the user whose drive this is; undefined where the platform does not tell. */
  get id(): string | undefined {
    return this.actAs ?? this.own;
  }

  /** Asks for both, and says in the log what the platform cannot. Fails only with EINTR, and where nobody is let in. */
  async learn(signal: AbortSignal): Promise<void> {
    const call = { operation: 'account', method: 'GET', idempotent: true } as const;
    const [config, account] = await Promise.all([
      this.api.ask({ ...call, path: '/publicconfig', route: '/publicconfig', about: 'what the platform can do' }, readFeatures, signal),
      this.api.ask({ ...call, path: '/account', route: '/account', about: 'the account' }, readAccount, signal),
    ]);
    if (config.kind === 'told') this.known = config.value;
    else this.log.info({ reason: config.error.message }, 'the platform does not say what it can do');
    if (account.kind === 'told') this.own = account.value;
    else this.log.info({ reason: account.error.message }, 'the platform does not say whose account this is');
    if (this.known.trash === false) this.log.warn('the platform has no trash: what is deleted here is gone');
    if (this.known.versioning === false) this.log.warn('the platform keeps no versions: what is overwritten here is gone');
    if (this.known.lock === false) this.log.info('the platform locks nothing: others may write to a file that is open here');
    if (this.known.lockRead === false) this.log.info('a lock on this platform keeps nobody from reading');
    if (this.known.edit === false) this.log.info('the platform does not let versions be changed');
  }
}

function readFeatures(value: unknown): Features | undefined {
  const parsed = publicConfig.safeParse(value);
  if (!parsed.success) return undefined;
  const { lock, lock_read: lockRead, edit, trash, versioning } = parsed.data.features;
  return { lock, lockRead, edit, trash, versioning };
}

function readAccount(value: unknown): string | undefined {
  const parsed = accountAnswer.safeParse(value);
  if (!parsed.success) return undefined;
  const { id, user } = parsed.data;
  const inside = z.looseObject({ id: z.unknown().optional() }).safeParse(user);
  return readId(id) ?? (inside.success ? readId(inside.data.id) : undefined);
}
