/** What can be chosen of the links: their form, their dates, where they stand. */
import type { LinkDates } from './dates.js';

export interface LinkOptions {
  /** `new` has roots and flags; `old` has files, and alone knows a password and a number of downloads. Default `new`. */
  readonly form?: 'new' | 'old' | undefined;
  /** How dates of links are written. Default `rfc3339`. */
  readonly dates?: LinkDates | undefined;
  /** Before the key in a share link's public address. Default `/dl/`. */
  readonly sharePath?: string | undefined;
  /** Before the key in a deposit link's public address. Default `/ul/`. */
  readonly depositPath?: string | undefined;
}

export function linkChoices(options: LinkOptions) {
  return {
    form: options.form ?? 'new',
    dates: options.dates ?? 'rfc3339',
    sharePath: options.sharePath ?? '/dl/',
    depositPath: options.depositPath ?? '/ul/',
  } as const;
}

export type LinkChoices = ReturnType<typeof linkChoices>;
