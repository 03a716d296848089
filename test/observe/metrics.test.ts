import { describe, expect, test } from 'vitest';
import { Histogram, MetricRegistry, quantile } from '../../src/observe/metrics.js';

describe('counting', () => {
  test('by name and labels: the same labels are the same number, in whatever order', () => {
    const metrics = new MetricRegistry();
    metrics.counter('amarre_x_total', 'X.', { a: '1', b: '2' }).add();
    metrics.counter('amarre_x_total', 'X.', { b: '2', a: '1' }).add(4);
    metrics.counter('amarre_x_total', 'X.', { a: '1' }).add(7);
    expect(metrics.collect()).toEqual([{
      name: 'amarre_x_total', help: 'X.', type: 'counter',
      samples: [{ labels: { a: '1', b: '2' }, value: 5 }, { labels: { a: '1' }, value: 7 }],
    }]);
  });

  test('a gauge is read when it is asked for, and not before', () => {
    const metrics = new MetricRegistry();
    let reads = 0;
    metrics.gauge('amarre_open', 'Open.', () => (reads += 1));
    expect(reads).toBe(0);
    expect(metrics.collect()[0]?.samples).toEqual([{ labels: {}, value: 1 }]);
  });

  test('a histogram counts up to each bound, as Prometheus has it', () => {
    const metrics = new MetricRegistry();
    const histogram = metrics.histogram('amarre_seconds', 'Seconds.', [1, 2]);
    for (const value of [0.5, 1, 1.5, 3]) histogram.observe(value);
    expect(metrics.collect()[0]?.samples).toEqual([{
      labels: {}, sum: 6, count: 4, buckets: [{ upTo: 1, count: 2 }, { upTo: 2, count: 3 }, { upTo: Infinity, count: 4 }],
    }]);
  });

  test('one name is one kind of number', () => {
    const metrics = new MetricRegistry();
    metrics.counter('amarre_x_total', 'X.');
    expect(() => metrics.histogram('amarre_x_total', 'X.', [1])).toThrow('amarre_x_total is a counter');
    metrics.gauge('amarre_y', 'Y.', () => 1);
    expect(() => metrics.gauge('amarre_y', 'Y.', () => 2)).toThrow('read elsewhere');
  });
});

describe('the value that a share does not exceed', () => {
  const of = (...values: readonly number[]) => {
    const histogram = new Histogram([10, 20, 50]);
    for (const value of values) histogram.observe(value);
    return histogram;
  };
  test.each([
    ['of nothing', of(), 0.5, undefined],
    ['lies within its bounds', of(12, 14, 16, 18), 0.5, 14],
    ['is never above the largest value', of(1, 2, 3), 0.95, 2.85],
    ['above all bounds reaches to the largest', of(5, 100), 1, 100],
    ['of the slow few', of(...Array.from({ length: 95 }, () => 5), ...Array.from({ length: 5 }, () => 40)), 0.99, 36],
  ] as const)('%s', (_, histogram, share, value) => {
    const found = quantile(histogram, share);
    if (value === undefined) expect(found).toBeUndefined();
    else expect(found).toBeCloseTo(value, 6);
  });
});
