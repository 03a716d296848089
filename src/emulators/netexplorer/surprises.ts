/**
 * What a NetExplorer may do that a client would not expect, each with its switch (NetExplorer's page: what surprises).
 * A test may turn them while the emulator runs. Refusals that need no work of the platform (429, 500, a lost answer)
 * are made with rules, as on every emulator.
 */
import { z } from 'zod';

/** Something that goes wrong with a block of an upload. Used up after `times` (1). */
const blockFault = z.strictObject({
  /** The block, from 0. */
  chunk: z.number().int().min(0),
  /** This status is answered; above 500 the upload is forgotten. Left out: the block is answered `OK` and is lost. */
  status: z.number().int().min(400).max(599).optional(),
  times: z.number().int().min(1).optional(),
});

export type BlockFault = z.infer<typeof blockFault>;

export const surprisesSchema = z.strictObject({
  /** What a name that exists is answered with; `renamed` makes the object under `name (1)`. */
  nameExists: z.enum(['403', '409', '422', 'renamed']),
  /** A listing holds children of another folder, too. */
  wrongChildren: z.boolean(),
  /** `content` is one array, or the whole answer of a folder is. */
  bareArray: z.enum(['no', 'content', 'answer']),
  /** A folder comes without `content`, whatever depth is asked. */
  withoutContent: z.boolean(),
  /** So many milliseconds a new object is missing from listings. */
  hiddenMs: z.number().min(0),
  /** So many milliseconds a file that was written is `still being transferred`: 423 for whoever touches it. */
  transferringMs: z.number().min(0),
  /** More requests than this in a second, of one user, are answered 429; 0 is no limit. */
  requestsPerSecond: z.number().int().min(0),
  /** The 429 says when to come again. */
  retryAfter: z.boolean(),
  sizeMissing: z.boolean(),
  /** Which field holds the MD5. */
  hashField: z.enum(['hash', 'md5', 'none']),
  /** The dates sent with an upload are passed over. */
  datesIgnored: z.boolean(),
  deleteAnswer: z.enum(['204', 'OK', 'json']),
  /** How long lists spell their count. */
  countField: z.enum(['nb_objets', 'nb_objects']),
  /** Lists that may be long (locks, and what other modules list) come in pages with a count. */
  longLists: z.boolean(),
  idsAsStrings: z.boolean(),
  /** A restore answers `"parent_id":"29628,"`. */
  commaParent: z.boolean(),
  nameField: z.enum(['name', 'nom']),
  /** Optional fields are absent. */
  sparse: z.boolean(),
  /** Blocks must come one after the other; else 422. */
  blocksInOrder: z.boolean(),
  blockFaults: z.array(blockFault),
  /** What an upload for which there is no room is answered with. */
  fullQuota: z.enum(['413', '507', '403']),
  /** How `/quotas` says that there is none: `quota` is null, or the whole entry. */
  noQuota: z.enum(['quota', 'entry']),
  /** What `PUT /file/:id/upload` answers. */
  putAnswer: z.enum(['file', 'OK', 'nothing']),
  /** What a `PUT /file/:id/upload` leaves that was cut off. */
  cutPut: z.enum(['old', 'half']),
  /** The status of a creation that worked. */
  createStatus: z.enum(['200', '201']),
  /** What a change of a folder answers. */
  folderChange: z.enum(['200', '201', '204']),
  /** Which features `/publicconfig` tells, and which work. */
  features: z.strictObject({
    lock: z.boolean(),
    lock_read: z.boolean(),
    edit: z.boolean(),
    trash: z.boolean(),
    versioning: z.boolean(),
  }).partial(),
});

export type Features = Required<{ [Name in keyof z.infer<typeof surprisesSchema>['features']]: boolean }>;

/** All switches; `features` holds all features. */
export type Surprises = Omit<z.infer<typeof surprisesSchema>, 'features'> & { features: Features };

/** Switches to turn; those left out stay. */
export const surpriseChange = surprisesSchema.partial();
export type SurpriseChange = z.infer<typeof surpriseChange>;

/** A platform that behaves. */
function behaved(): Surprises {
  return {
    nameExists: '403',
    wrongChildren: false,
    bareArray: 'no',
    withoutContent: false,
    hiddenMs: 0,
    transferringMs: 0,
    requestsPerSecond: 0,
    retryAfter: true,
    sizeMissing: false,
    hashField: 'hash',
    datesIgnored: false,
    deleteAnswer: '204',
    countField: 'nb_objets',
    longLists: false,
    idsAsStrings: false,
    commaParent: false,
    nameField: 'name',
    sparse: false,
    blocksInOrder: true,
    blockFaults: [],
    fullQuota: '413',
    noQuota: 'quota',
    putAnswer: 'file',
    cutPut: 'old',
    createStatus: '200',
    folderChange: '200',
    features: { lock: true, lock_read: true, edit: true, trash: true, versioning: true },
  };
}

/** The switches as they stand now; a change is seen by the next request. */
export class Switches {
  now: Surprises = behaved();

  constructor(change: SurpriseChange) {
    this.turn(change);
  }

  turn(change: SurpriseChange): void {
    const { features, ...rest } = change;
    const next: Surprises = { ...this.now, features: { ...this.now.features } };
    Object.assign(next, given(rest));
    Object.assign(next.features, given(features ?? {}));
    this.now = next;
  }
}

/** What is not left out. */
function given(change: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}
