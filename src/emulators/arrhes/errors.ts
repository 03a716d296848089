/** How a refusal looks: a French sentence, a complaint about one field, or `Internal error` for all that is missing. */
import type { Answer } from '../common/delivery.js';

/** Sent in chunks, on a connection that stays for the time told. */
export function json(status: number, value: unknown, idleTimeoutMs: number): Answer {
  return {
    status,
    headers: {
      'Content-Type': 'application/json',
      Connection: 'keep-alive',
      'Keep-Alive': `timeout=${Math.ceil(idleTimeoutMs / 1000)}`,
    },
    body: Buffer.from(JSON.stringify(value)),
    chunked: true,
  };
}

export class Refusal extends Error {
  readonly status: number;
  readonly said: Readonly<Record<string, string>>;

  constructor(status: number, message: string, cause?: string) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.said = cause === undefined ? { message } : { message, cause };
  }
}

/** Whatever is missing or wrong and is not noticed before the database is asked. */
export function internal(): Refusal {
  return new Refusal(500, 'Internal error');
}

/** A field that does not pass; only the first is told. */
export function complaint(field: string, text: string): Refusal {
  return new Refusal(400, 'Invalid request', JSON.stringify({ nested: { [field]: [text] } }));
}
