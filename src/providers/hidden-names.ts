/**
 * Names for what must lie on the platform without being seen: an upload that is not checked yet, a
 * file that was deleted while a program had it open. A crash leaves such things behind, so the name
 * itself tells whose it is and how old. The length never depends on the target's name: a target of
 * 255 bytes would leave no room.
 */
import { FsError } from '../errors.js';

/** Names beginning so are ours alone: nobody may create one through the mount. */
export const hiddenPrefix = '.amarre-';

/** Another instance's leftover is deleted at this age, in milliseconds by the platform's clock. */
export const foreignLeftoverAge = 7 * 24 * 3600 * 1000;

/** Who runs. `own` is this mount's id; `isDead` says of an id whether it was a mount of this machine that has ended. */
export interface Instances {
  readonly own: string;
  isDead(id: string): boolean;
}

export interface HiddenName {
  readonly instance: string;
  /** When it was made: milliseconds since the epoch by the platform's clock. */
  readonly time: number;
  readonly sequence: number;
}

const instanceForm = /^[A-Za-z0-9]{4,36}$/;
const hiddenForm = /^\.amarre-([A-Za-z0-9]{4,36})-([0-9a-f]{12})-([0-9a-f]{6,12})$/;

/** Writes a hidden name. EINVAL for an instance id that is not 4 to 36 letters and digits. */
export function formatHiddenName(parts: HiddenName): string {
  if (!instanceForm.test(parts.instance)) {
    throw new FsError('EINVAL', `an instance id is 4 to 36 letters and digits, not "${parts.instance}"`);
  }
  const time = Math.max(0, Math.floor(parts.time)).toString(16).padStart(12, '0');
  return `${hiddenPrefix}${parts.instance}-${time}-${parts.sequence.toString(16).padStart(6, '0')}`;
}

/**
 * Reads a hidden name back; undefined for any other name. Only the exact form counts: a person's
 * own `.amarre-notes` on the server stays in sight.
 */
export function parseHiddenName(name: string): HiddenName | undefined {
  const [, instance, time, sequence] = hiddenForm.exec(name) ?? [];
  if (instance === undefined || time === undefined || sequence === undefined) return undefined;
  return { instance, time: Number.parseInt(time, 16), sequence: Number.parseInt(sequence, 16) };
}

/** True for a name that must never be shown. */
export function isHiddenName(name: string): boolean {
  return parseHiddenName(name) !== undefined;
}

/**
 * Whether a hidden thing may be deleted: our own dead instances' at once, others' after seven days.
 * `now` and the time in the name are of the platform's clock, in milliseconds. `modified` can only
 * say that it is too young: a parked file carries the old time of its content. This mount's own is
 * never a leftover.
 */
export function isLeftover(
  parts: HiddenName, instances: Instances, modified: number | undefined, now: number,
): boolean {
  if (parts.instance === instances.own) return false;
  if (instances.isDead(parts.instance)) return true;
  const written = Math.max(parts.time, modified ?? 0);
  return now - written > foreignLeftoverAge;
}

/** A source of hidden names that never repeats one while it lives. */
export function hiddenNameSource(instance: string, now: () => number): () => string {
  let sequence = 0;
  formatHiddenName({ instance, time: 0, sequence });
  return () => formatHiddenName({ instance, time: now(), sequence: sequence++ });
}
