/** The first contact: whether the key opens this organization's year, and whether that is closed; with sentences for the person who mounts. */
import { FsError } from '../../errors.js';
import type { Log } from '../../observe/log.js';
import type { Api } from './api.js';
import { fresh, type Lists } from './lists.js';
import type { Place } from './remote-place.js';

export class Connector {
  private told = false;

  constructor(private readonly api: Api, private readonly lists: Lists, private readonly place: Place, private readonly log: Log) {}

  /** Resolves to whether the year is closed. EACCES: the key; ENOENT: organization or year; EIO: nobody, or no Arrhes, answers. */
  async connect(signal: AbortSignal): Promise<{ readonly closed: boolean }> {
    const [years] = await Promise.all([this.api.years(signal), this.lists.tree(fresh, signal)]);
    const { year, organization } = this.place;
    const own = years?.find(({ id }) => id === year);
    if (years !== undefined && own === undefined) {
      throw new FsError('ENOENT', `the organization ${organization} has no year ${year}; it has: ${years.map(({ id, label }) => `${id} (${label ?? '?'})`).join(', ') || 'none'}`);
    }
    const closed = own?.isClosed === true;
    if (closed) this.log.warn({ year: own.label ?? year }, 'the year is closed: the drive is read-only');
    if (years === undefined) this.log.warn({ year }, 'the platform does not say whether the year is closed');
    if (this.lists.withoutYear) this.tellWhole();
    return { closed };
  }

  /** Said once a mount. */
  tellWhole(): void {
    if (this.told) return;
    this.told = true;
    this.log.warn({ organization: this.place.organization }, 'the platform does not say of which year a document is: the drive shows those of the whole organization');
  }
}
