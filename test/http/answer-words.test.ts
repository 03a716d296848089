import { describe, expect, it } from 'vitest';
import { answerWords, plainWords } from '../../src/http/answer-words.js';

describe('answers in words', () => {
  it('tells a proxy\'s page by its title', () => {
    const page = '<html><head><title>502 Bad Gateway</title></head><body><center><h1>nope</h1></center></body></html>';
    expect(answerWords(502, 'text/html', page, 'squid/6')).toMatch(/proxy .*in the platform's place.*502: "502 Bad Gateway", sent by squid\/6/);
  });

  it('knows a page without its content type, by heading or text', () => {
    expect(answerWords(413, undefined, '<!DOCTYPE html><h1>Request &amp; too large</h1>', undefined)).toContain('"Request &amp; too large"');
    expect(answerWords(200, 'text/html; charset=utf-8', '<p>Please <b>sign in</b></p><script>alert(1)</script>', undefined)).toContain('"Please sign in"');
  });

  it('repeats a short text of the server', () => {
    expect(answerWords(500, 'application/json', '{"error":"unexpected EOF"}', undefined)).toBe('the server answered 500: {"error":"unexpected EOF"}');
    expect(answerWords(405, undefined, '', undefined)).toBe('the server answered 405');
  });

  it('lets no control character, line end or endless text through', () => {
    expect(plainWords('a\u001b[31m\r\nb\u202Ec')).toBe('a [31m b c');
    expect(plainWords('x'.repeat(5000)).length).toBeLessThan(250);
  });
});
