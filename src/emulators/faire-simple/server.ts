/** The emulated faire-simple: feeds behind a key in the query and a password, and one thing that can be changed. */
import { z } from 'zod';
import { BodyCut, ConnectionBroken } from '../common/broken.js';
import { commonControl, ordered } from '../common/control.js';
import type { Answer } from '../common/delivery.js';
import type { Exchange, Handler } from '../common/exchange.js';
import { Faults } from '../common/faults.js';
import { startServer, type Route } from '../common/server.js';
import { Traffic } from '../common/traffic.js';
import type { RunningEmulator } from '../emulator.js';
import { addFaireSimpleControl, type Enrolment, type FaireSimpleControl } from './control.js';
import { choices, type FaireSimpleChoices, type FaireSimpleOptions } from './options.js';
import { campaigns, halfYearsAt, makePartners, proposals, themes, type Item } from './partners.js';

/** A running faire-simple, with what only it has. */
export interface RunningFaireSimple extends RunningEmulator {
  readonly control: FaireSimpleControl;
  readonly user: string;
  readonly password: string;
  readonly key: string;
}

/** Starts a faire-simple. Options and their defaults: `options.ts`. */
export async function startFaireSimple(options: FaireSimpleOptions): Promise<RunningFaireSimple> {
  const chosen = choices(options);
  const { prefix, user, password, key } = chosen;
  const faults = new Faults();
  const traffic = new Traffic();
  const closing = new AbortController();
  const feeds = new Feeds(chosen);
  const control = {
    ...commonControl(faults, traffic),
    changePartner: (uid: string, fields: Item) => ordered(() => feeds.change(uid, fields)),
    enrolments: () => ordered(() => [...feeds.enrolments]),
  };
  const server = await startServer({
    host: chosen.host,
    port: options.port ?? 0,
    idleTimeoutMs: chosen.idleTimeoutMs,
    latencyMs: options.latencyMs ?? 0,
    ...feeds.routes(),
    // The query holds the key: neither rules nor log may see it.
    subject: (url) => ({ path: pathOf(url, prefix), target: queryOf(url).get('semestre') ?? undefined }),
    faults,
    traffic,
    control,
    addOwnControl: (app) => {
      addFaireSimpleControl(app, control);
    },
    closing: closing.signal,
    onMistake: (error) => {
      console.error('The emulator made a mistake:', error);
    },
  });
  return {
    announcement: {
      platform: 'faire-simple',
      url: server.url,
      remote: `faire-simple+${server.url.replace('://', `://${encodeURIComponent(user)}@`)}${prefix}`,
      env: { AMARRE_API_KEY: key, AMARRE_PASSWORD: password },
    },
    control,
    user,
    password,
    key,
    close: async () => {
      closing.abort();
      await server.close();
    },
  };
}

function pathOf(url: string, prefix: string): string {
  const [path = ''] = url.split('?', 1);
  return path.startsWith(prefix) ? path.slice(prefix.length) : path;
}

function queryOf(url: string): URLSearchParams {
  return new URL(url, 'http://localhost').searchParams;
}

const enrolment = z.object({ action: z.union([z.literal(0), z.literal(1)]) });
const bodyLimit = 64 * 1024;

class Feeds {
  readonly enrolments: Enrolment[] = [];
  readonly #choices: FaireSimpleChoices;
  readonly #partners: Map<string, Item>;
  readonly #statuses = new Map<string, 0 | 1>();

  constructor(choices: FaireSimpleChoices) {
    this.#choices = choices;
    this.#partners = makePartners(choices);
  }

  change(uid: string, fields: Item): void {
    this.#partners.set(uid, { ...(this.#partners.get(uid) ?? { [this.#choices.uidField]: uid }), ...fields });
  }

  routes(): { routes: Route[]; otherwise: Handler } {
    const route = (name: string, method: 'GET' | 'POST', path: string, work: (exchange: Exchange) => unknown): Route => (
      { name, method, url: this.#choices.prefix + path, handler: this.#guarded(work) }
    );
    return {
      routes: [
        route('partners', 'GET', '/users', () => [...this.#partners.values()]),
        route('partner', 'GET', '/users/:uid', (exchange) => this.#account(uidOf(exchange))),
        route('enrol', 'POST', '/users/:uid/statut', (exchange) => this.#enrol(exchange)),
        route('themes', 'GET', '/thematiques', themes),
        route('update', 'GET', '/actualisation', ({ request }) => this.#update(queryOf(request.url ?? '').get('semestre'))),
        route('campaigns', 'GET', '/campagnes', () => campaigns(this.#halfYears())),
        route('proposals', 'GET', '/propositions', () => proposals(this.#halfYears(), [...this.#partners.keys()])),
      ],
      otherwise: () => Promise.resolve(this.#answer(404, { erreur: 'Adresse inconnue' })),
    };
  }

  /** Both are wanted on every request: the password of the door, and the key of the feed. */
  #guarded(work: (exchange: Exchange) => unknown): Handler {
    const { user, password, key, badKeyStatus } = this.#choices;
    const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    return async (exchange) => {
      const { headers, url = '' } = exchange.request;
      if (headers.authorization !== basic) {
        const refusal = this.#answer(401, { erreur: 'Identification requise' });
        return { ...refusal, headers: { ...refusal.headers, 'WWW-Authenticate': 'Basic realm="faire-simple"' } };
      }
      if (queryOf(url).get('key') !== key) return this.#answer(badKeyStatus, { erreur: 'Clé inconnue' });
      try {
        return this.#answer(200, await work(exchange));
      } catch (error) {
        if (error instanceof Refusal) return this.#answer(error.status, { erreur: error.message });
        if (error instanceof BodyCut) throw new ConnectionBroken('the body was cut off');
        throw error;
      }
    };
  }

  #answer(status: number, value: unknown): Answer {
    return {
      status,
      headers: { 'Content-Type': 'application/json; charset=utf-8' },
      body: Buffer.from(JSON.stringify(value)),
      ...(this.#choices.tellsLength ? {} : { chunked: true }),
    };
  }

  /** In real time: with the moment at which it was asked for, and the status where a field tells it. */
  #account(uid: string): Item {
    const { statusField, now } = this.#choices;
    const status = statusField === undefined ? {} : { [statusField]: this.#statuses.get(uid) ?? 0 };
    return { ...this.#partner(uid), ...status, consulteLe: new Date(now()).toISOString() };
  }

  async #enrol(exchange: Exchange): Promise<Item> {
    const uid = uidOf(exchange);
    this.#partner(uid);
    const text = (await exchange.body.whole(bodyLimit)).toString('utf8');
    const { action } = parseEnrolment(text);
    this.#statuses.set(uid, action);
    this.enrolments.push({ uid, action });
    return { [this.#choices.uidField]: uid, action };
  }

  #update(halfYear: string | null): Item {
    const known = this.#halfYears();
    if (halfYear !== null && !known.includes(halfYear)) throw new Refusal(404, 'Semestre inconnu');
    const shown = halfYear === null ? known : [halfYear];
    const uids = [...this.#partners.keys()];
    // A half-year tells of its share of the partners, the whole update of all.
    const partners = [...this.#partners.values()].filter((_, index) => halfYear === null || index % known.length === known.indexOf(halfYear));
    const all = proposals(known, uids).filter(({ semestre }) => typeof semestre === 'string' && shown.includes(semestre));
    return { semestres: shown, partenaires: partners, thematiques: themes(), campagnes: campaigns(shown), propositions: all };
  }

  #partner(uid: string): Item {
    const partner = this.#partners.get(uid);
    if (partner === undefined) throw new Refusal(404, 'Partenaire inconnu');
    return partner;
  }

  #halfYears(): string[] {
    return halfYearsAt(this.#choices.now());
  }
}

class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
  }
}

function parseEnrolment(text: string): z.infer<typeof enrolment> {
  try {
    return enrolment.parse(JSON.parse(text));
  } catch {
    throw new Refusal(400, 'action vaut 0 ou 1');
  }
}

/** The partner that a path names: `.../users/:uid`, or `.../users/:uid/statut`. */
function uidOf({ request }: Exchange): string {
  const [, uid = ''] = /\/users\/([^/?]+)/u.exec(request.url ?? '') ?? [];
  return decodeURIComponent(uid);
}
