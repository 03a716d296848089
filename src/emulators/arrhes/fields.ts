/**
 * The body of a request, field by field. What cannot be parsed counts as `{}`, whatever its type says; complaints are
 * those of the recorded server (Arrhes' page: routes).
 */
import { z } from 'zod';
import type { RequestBody } from '../common/request-body.js';
import { complaint, internal, Refusal } from './errors.js';

const nameLimit = 256;
const bodyLimit = 1 << 20;
const object = z.record(z.string(), z.unknown());

export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  static async read(body: RequestBody): Promise<Fields> {
    const text = (await body.whole(bodyLimit)).toString('utf8');
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      value = {};
    }
    if (value === null) throw new Refusal(400, 'Invalid request', 'undefined');
    const parsed = object.safeParse(value);
    return new Fields(parsed.success ? parsed.data : {});
  }

  has(field: string): boolean {
    return this.#values[field] !== undefined;
  }

  /** A text that must be there. */
  text(field: string): string {
    const value = this.#needed(field);
    if (value === null) throw complaint(field, 'Ce champ est requis');
    return this.#string(field, value);
  }

  /** A text or null; the key must be there. */
  textOrNull(field: string): string | null {
    const value = this.#needed(field);
    return value === null ? null : this.#string(field, value);
  }

  /** A name: a text of at most 256 UTF-16 units, whatever is in it. */
  name(): string {
    const name = this.text('name');
    if (name.length > nameLimit) throw complaint('name', `Doit avoir au maximum ${nameLimit} caractères`);
    return name;
  }

  wholeNumber(field: string): number {
    const value = this.#needed(field);
    if (value === null) throw complaint(field, 'Ce champ est requis');
    if (typeof value !== 'number') throw complaint(field, 'Doit être un nombre');
    if (!Number.isInteger(value)) throw complaint(field, 'Doit être un nombre entier');
    return value;
  }

  #needed(field: string): unknown {
    const value = this.#values[field];
    if (value === undefined) throw complaint(field, `Invalid key: Expected "${field}" but received undefined`);
    return value;
  }

  #string(field: string, value: unknown): string {
    if (typeof value !== 'string') throw complaint(field, 'Doit être une chaîne de caractères');
    return value;
  }
}

/** A text as PostgreSQL keeps it: no NUL, and a lone surrogate becomes U+FFFD. */
export function storedText(text: string): string {
  if (text.includes('\u0000')) throw internal();
  return Buffer.from(text, 'utf8').toString('utf8');
}
