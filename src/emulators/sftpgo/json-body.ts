/** A body in JSON, with Go's words for one that is none. */
import { Refusal } from './errors.js';
import type { Session } from './session.js';

/** A list of a hundred thousand paths is well below it. */
const bodyLimit = 64 << 20;

export async function jsonBody(session: Session): Promise<unknown> {
  const text = (await session.exchange.body.whole(bodyLimit)).toString('utf8');
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    const first = text.trimStart()[0];
    const said = first === undefined ? 'EOF' : `invalid character '${first}' looking for beginning of value`;
    throw new Refusal(400, '', said);
  }
}
