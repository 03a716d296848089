/** The pre-signed address in an answer. */
import { z } from 'zod';
import type { Said } from './api.js';
import { readAs } from './rows.js';
import { SignedUrl } from './store.js';

const answer = z.object({ url: z.string() });

/** EIO where there is none. What was sent in its place is not repeated: it may hold one in another form. */
export function urlOf({ value }: Said, what: string): SignedUrl {
  return SignedUrl.parse(readAs(answer, value, what).url);
}
