/**
 * Pre-signed URLs: made, and checked by signing the request that came once more with AWS's own library (Arrhes' page:
 * pre-signed URLs). Nothing is remembered of a URL: whatever its signature covers must be as it was.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';

const unsignedPayload = 'UNSIGNED-PAYLOAD';
const payloadHeader = 'X-Amz-Content-Sha256';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A URL to be made. */
export interface Presigning {
  readonly method: 'PUT' | 'GET' | 'DELETE';
  readonly host: string;
  readonly path: string;
  readonly lifeS: number;
  readonly atMs: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

/** What a pre-signed target says of itself. */
export interface Presigned {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly signature: string;
  readonly madeAtMs: number;
  readonly lifeS: number;
  readonly signedHeaders: readonly string[];
}

/** Query parameters that signing adds. */
const made = ['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Expires', 'X-Amz-SignedHeaders', 'X-Amz-Signature'];

/** Reads a target; undefined where it is not a pre-signed one. */
export function parsePresigned(target: string): Presigned | undefined {
  const at = target.indexOf('?');
  const query: Record<string, string> = {};
  for (const pair of at < 0 ? [] : target.slice(at + 1).split('&')) {
    const [name = '', value = ''] = pair.split('=', 2).map(unescaped);
    query[name] = value;
  }
  const [, , date, expires, signedHeaders, signature] = made.map((name) => query[name]);
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/u.exec(date ?? '') ?? [];
  if (year === undefined || expires === undefined || signedHeaders === undefined || signature === undefined) return undefined;
  const madeAtMs = Date.parse(`${year}-${month ?? ''}-${day ?? ''}T${hour ?? ''}:${minute ?? ''}:${second ?? ''}Z`);
  return { path: target.slice(0, at), query, signature, madeAtMs, lifeS: Number(expires), signedHeaders: signedHeaders.split(';') };
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export class Signer {
  readonly credentials: Credentials;
  readonly #signature: SignatureV4;

  constructor(credentials: Credentials) {
    this.credentials = credentials;
    this.#signature = new SignatureV4({ credentials, region: 'fr-par', service: 's3', sha256: Sha256, uriEscapePath: false });
  }

  /** The target, path and query, of a pre-signed URL. */
  async presign(asked: Presigning): Promise<string> {
    const { method, host, path, lifeS, atMs, headers = {}, query } = asked;
    const signed = await this.#sign(method, path, query, { ...headers, host, [payloadHeader]: unsignedPayload }, lifeS, atMs);
    const pairs = Object.entries(signed).sort(([a], [b]) => (a < b ? -1 : 1));
    return `${path}?${pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')}`;
  }

  /** Whether the signature is that of this request. */
  async verify(method: string, presigned: Presigned, came: IncomingHttpHeaders): Promise<boolean> {
    const query = Object.fromEntries(Object.entries(presigned.query).filter(([name]) => !made.includes(name) && name !== payloadHeader));
    const headers: Record<string, string> = { [payloadHeader]: presigned.query[payloadHeader] ?? '' };
    for (const name of presigned.signedHeaders) {
      const value = came[name];
      if (typeof value === 'string') headers[name] = value;
    }
    const signed = await this.#sign(method, presigned.path, query, headers, presigned.lifeS, presigned.madeAtMs).catch(() => undefined);
    return signed !== undefined && made.every((name) => signed[name] === presigned.query[name]);
  }

  async #sign(
    method: string,
    path: string,
    query: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>>,
    lifeS: number,
    atMs: number,
  ): Promise<Record<string, string>> {
    const request = { method, protocol: 'http:', hostname: headers['host'] ?? '', path, query: { ...query }, headers: { ...headers } };
    const signed = await this.#signature.presign(request, { expiresIn: lifeS, signingDate: new Date(atMs) });
    return Object.fromEntries(Object.entries(signed.query ?? {}).map(([name, value]) => [name, String(value)]));
  }
}
