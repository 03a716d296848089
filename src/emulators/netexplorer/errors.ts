/** How NetExplorer answers: JSON only, and a refusal is one French sentence (NetExplorer's page: common). */
import type { Answer } from '../common/delivery.js';

export class Refusal extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, sentence: string, headers: Readonly<Record<string, string>> = {}) {
    super(sentence);
    this.name = 'Refusal';
    this.status = status;
    this.headers = headers;
  }

  answer(): Answer {
    const { status, headers, message } = this;
    return { ...json(status, { error: message }), headers: { ...jsonType, ...headers } };
  }
}

const jsonType = { 'Content-Type': 'application/json' } as const;

export function json(status: number, value: unknown): Answer {
  return { status, headers: jsonType, body: Buffer.from(JSON.stringify(value)) };
}

/** A bare text, as a block in between is answered with. */
export function plain(status: number, text: string): Answer {
  return { status, headers: { 'Content-Type': 'text/html; charset=UTF-8' }, body: Buffer.from(text) };
}

export function nothing(): Answer {
  return { status: 204, headers: {} };
}

export function notFound(): Refusal {
  return new Refusal(404, "L'élément demandé n'existe pas");
}

export function forbidden(): Refusal {
  return new Refusal(403, "Vous n'avez pas les droits suffisants pour effectuer cette action");
}

/** Whatever is missing or wrong in a request. */
export function unusable(what: string): Refusal {
  return new Refusal(422, `Paramètre invalide : ${what}`);
}

export function lockedBy(owner: string): Refusal {
  return new Refusal(423, `Ce fichier est verrouillé par ${owner}`);
}
