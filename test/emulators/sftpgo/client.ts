/** The least client that tests of the emulator need: signs users in, and asks on a connection of its own each time. */
import { z } from 'zod';
import { Wire, type WireAnswer, type WireRequest } from '../wire.js';

/** What may be said of a request besides its method and path. */
export interface Asking {
  readonly body?: Buffer | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default `u`. */
  readonly user?: string;
}

export class Client {
  readonly #url: string;
  #wires: Wire[] = [];
  #tokens = new Map<string, string>();

  constructor(url: string) {
    this.#url = url;
  }

  close(): void {
    for (const wire of this.#wires) wire.close();
  }

  async wire(localAddress?: string): Promise<Wire> {
    const wire = await Wire.open(this.#url, localAddress);
    this.#wires.push(wire);
    return wire;
  }

  /** One request as it stands, on a connection of its own. */
  async raw(request: WireRequest, body?: Buffer | string, localAddress?: string): Promise<WireAnswer> {
    const wire = await this.wire(localAddress);
    const length = body === undefined || 'content-length' in request.headers ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    wire.sendHead({ ...request, headers: { ...request.headers, ...length } });
    if (body !== undefined) wire.send(body);
    const answer = await wire.answer(request.method);
    wire.close();
    return answer;
  }

  /** A request with a user's token; `path` is below `/api/v2/user`. */
  async ask(method: string, path: string, { body, headers = {}, user = 'u' }: Asking = {}): Promise<WireAnswer> {
    const authorization = `Bearer ${await this.token(user)}`;
    return this.raw({ method, path: `/api/v2/user${path}`, headers: { authorization, ...headers } }, body);
  }

  /** The first bytes of a request that is not over yet. */
  async begin(method: string, path: string, headers: Readonly<Record<string, string>>, first: Buffer | string): Promise<Wire> {
    const wire = await this.wire();
    const authorization = `Bearer ${await this.token()}`;
    wire.sendHead({ method, path: `/api/v2/user${path}`, headers: { authorization, ...headers } });
    wire.send(first);
    return wire;
  }

  async signIn(user: string, headers: Readonly<Record<string, string>> = {}, password = 'p'): Promise<WireAnswer> {
    return this.raw({ method: 'GET', path: '/api/v2/user/token', headers: { authorization: basic(user, password), ...headers } });
  }

  /** A user's token; asked for once. */
  async token(user = 'u'): Promise<string> {
    const known = this.#tokens.get(user);
    if (known !== undefined) return known;
    const { access_token: token } = z.object({ access_token: z.string() }).parse(json(await this.signIn(user)));
    this.#tokens.set(user, token);
    return token;
  }
}

export function basic(user: string, password = 'p'): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

export function json({ body }: WireAnswer): unknown {
  return JSON.parse(body.toString('utf8'));
}

const entries = z.array(z.object({ name: z.string(), size: z.number().optional() }));

/** The entries of a listing. */
export function listed(answer: WireAnswer): z.infer<typeof entries> {
  return entries.parse(json(answer));
}
