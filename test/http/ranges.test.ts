import { describe, expect, it } from 'vitest';
import { parseContentLength, parseContentRange } from '../../src/http/ranges.js';
import { formatHttpDate, parseHttpDate, ServerClock } from '../../src/http/server-clock.js';

describe('Content-Range', () => {
  it.each([
    ['bytes 0-9/10', { start: 0, end: 10, total: 10 }],
    ['bytes 2-4/10', { start: 2, end: 5, total: 10 }],
    ['bytes 10-9/10', { start: 10, end: 10, total: 10 }],
    ['bytes 0--1/0', { start: 0, end: 0, total: 0 }],
    ['bytes 5368709119-5368709119/5368709120', { start: 5368709119, end: 5368709120, total: 5368709120 }],
  ])('%s is read', (text, range) => {
    expect(parseContentRange(text)).toEqual(range);
  });

  it.each([undefined, '', 'bytes */10', 'bytes 0-9/*', 'bytes 5-2/10', 'bytes 0-10/10', 'items 0-9/10', 'bytes 0-9', 'bytes -5--3/9', 'bytes 0-9/10, 3'])(
    '%s is not taken for one', (text) => {
      expect(parseContentRange(text)).toBeUndefined();
    });

  it('Content-Length must be a whole number', () => {
    expect(parseContentLength('12')).toBe(12);
    for (const text of [undefined, '', '-1', '1.5', '12, 12', '0x10']) expect(parseContentLength(text)).toBeUndefined();
  });
});

describe('the server\'s clock', () => {
  it('reads HTTP dates and nothing else', () => {
    expect(parseHttpDate('Tue, 14 Nov 2023 22:13:20 GMT')).toBe(1_700_000_000_000);
    for (const text of [undefined, '', 'yesterday', '2023-11-14', 'nonsense GMT']) expect(parseHttpDate(text)).toBeUndefined();
  });

  it('writes them rounded down', () => {
    expect(formatHttpDate(1_700_000_000_999)).toBe('Tue, 14 Nov 2023 22:13:20 GMT');
    expect(formatHttpDate(-1_500)).toBe('Wed, 31 Dec 1969 23:59:58 GMT');
  });

  it('goes on from what the server said last, however wrong this machine\'s clock is', () => {
    const clock = new ServerClock(() => performance.now());
    expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1000);
    expect(clock.observe('Tue, 14 Nov 2023 22:13:20 GMT')).toBe(1_700_000_000_000);
    expect(clock.now()).toBeGreaterThanOrEqual(1_700_000_000_000 - 1);
    expect(clock.now()).toBeLessThan(1_700_000_060_000);
    expect(clock.observe(undefined)).toBeLessThan(1_700_000_060_000);
  });
});
