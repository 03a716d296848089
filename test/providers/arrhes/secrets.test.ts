/** What an answer repeats of the request is in no sentence: signed addresses open documents to everybody, and the key all of them. */
import { expect, test } from 'vitest';
import { judge, judgeStore } from '../../../src/providers/arrhes/answers.js';

const url = 'https://s3.example.org/b/o?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDWHO%2F20261123&X-Amz-Date=20261123T000000Z&X-Amz-Signature=0badc0de0badc0de';

test.each<[string, string, string]>([
  ['a page', 'text/html', `<html><title>No way to ${url}</title></html>`],
  ['a page with the address in another', 'text/html', `<html><h1>Blocked</h1>https://proxy/?url=${encodeURIComponent(url)}</html>`],
  ['words', 'text/plain', `cannot reach ${url.replaceAll('&', '&amp;')} with Bearer ke.y-0123456789`],
  ['the platform\'s form', 'application/json', JSON.stringify({ message: `PUT ${url} failed`, cause: `authorization: Bearer ke.y-0123456789, ${url}` })],
  ['a store that says much', 'application/xml', `<Error><Code>SignatureDoesNotMatch</Code><SignatureProvided>0badc0de0badc0de</SignatureProvided><CanonicalRequest>PUT ${url}</CanonicalRequest></Error>`],
])('%s', (_name, contentType, text) => {
  for (const status of [400, 401, 403, 404, 409, 500, 502]) {
    const answer = { status, contentType, text, sender: 'squid', retryAfter: undefined };
    for (const { error } of [judgeStore('read: /a', answer), ...(contentType === 'application/xml' ? [] : [judge('read: /a', answer)])]) {
      expect(error.message).not.toMatch(/0badc0de|AKIDWHO|0123456789|X-Amz-/);
      expect(error.message).toMatch(/^read: \/a: ./);
    }
  }
});
