/** How much room there is: the platform has limits of its own, of each user and of folders, and the narrowest counts. (NetExplorer's page: routes) */
import { z } from 'zod';
import type { Quota } from '../provider.js';
import type { Api } from './api.js';
import { segment } from './calls.js';

const amount = z.union([z.number(), z.string().regex(/^-?\d+$/).transform(Number)]).nullish().catch(undefined);
const scope = z.looseObject({ quota: amount, used: amount }).nullish().catch(undefined);
const answer = z.looseObject({ platform: scope, user: scope, folder: scope });

/** The scope with the least room left; undefined where none has a limit. */
export function narrowest(value: unknown): Quota | undefined {
  const parsed = answer.safeParse(value);
  if (!parsed.success) return undefined;
  const { platform, user, folder } = parsed.data;
  const limited = [folder, user, platform].flatMap((one): Quota[] => {
    const { quota, used } = one ?? {};
    // 0 is "none", a negative one is inherited: it stands elsewhere. What is used may be more than is allowed by now.
    if (quota === undefined || quota === null || quota <= 0) return [];
    return [{ total: quota, used: Math.min(quota, Math.max(0, used ?? 0)) }];
  });
  return limited.reduce<Quota | undefined>((least, one) => (least === undefined || one.total - one.used < least.total - least.used ? one : least), undefined);
}

/** Room in a folder; undefined where nothing is limited, or not said. */
export async function askQuota(api: Api, folderId: string, signal: AbortSignal): Promise<Quota | undefined> {
  const call = { operation: 'quota', method: 'GET', route: '/quotas', about: 'quota', idempotent: true } as const;
  const of = folderId === '0' ? '' : `?folder=${segment(folderId)}`;
  const told = await api.ask({ ...call, path: `/quotas${of}` }, (value) => ({ value }), signal);
  if (told.kind === 'told') return narrowest(told.value.value);
  if (of === '') return undefined;
  // That the folder can be named there is not documented.
  const plain = await api.ask({ ...call, path: '/quotas' }, (value) => ({ value }), signal);
  return plain.kind === 'told' ? narrowest(plain.value.value) : undefined;
}
