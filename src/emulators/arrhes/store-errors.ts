/** The store's refusals: XML, of which a client matches the code (Arrhes' page: pre-signed URLs). */
import { randomBytes } from 'node:crypto';
import type { Answer } from '../common/delivery.js';

const messages = {
  AccessDenied: [403, 'Access Denied.'],
  BadDigest: [400, 'The Content-MD5 you specified did not match what we received.'],
  BadRequest: [400, 'Insufficient information. Origin request header needed.'],
  InvalidRange: [416, 'The requested range is not satisfiable'],
  InvalidRequest: [400, 'Only one auth mechanism allowed.'],
  MethodNotAllowed: [405, 'The specified method is not allowed against this resource.'],
  NoSuchBucket: [404, 'The specified bucket does not exist.'],
  NoSuchKey: [404, 'The specified key does not exist.'],
  PreconditionFailed: [412, 'At least one of the pre-conditions you specified did not hold.'],
  SignatureDoesNotMatch: [403, 'The request signature we calculated does not match the signature you provided. Check your key and signing method.'],
} as const;

export class StoreRefusal extends Error {
  readonly code: keyof typeof messages;
  /** Further elements, in order. */
  readonly told: readonly (readonly [string, string])[];

  constructor(code: keyof typeof messages, told: readonly (readonly [string, string])[] = [], message: string = messages[code][1]) {
    super(message);
    this.name = 'StoreRefusal';
    this.code = code;
    this.told = told;
  }

  answer(): Answer {
    const elements = [
      ['Code', this.code],
      ['Message', this.message],
      ...this.told,
      ['RequestId', randomBytes(8).toString('hex').toUpperCase()],
      ['HostId', randomBytes(64).toString('base64')],
    ] as const;
    const text = elements.map(([name, value]) => `<${name}>${escaped(value)}</${name}>`).join('');
    return {
      status: messages[this.code][0],
      headers: { 'Content-Type': 'application/xml' },
      body: Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n<Error>${text}</Error>`),
    };
  }
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

export function unmet(condition: string): StoreRefusal {
  return new StoreRefusal('PreconditionFailed', [['Condition', condition]]);
}
