import { expect, test } from 'vitest';
import { RecentFailures } from '../../src/observe/failures.js';
import { MetricRegistry } from '../../src/observe/metrics.js';
import { RequestMetrics } from '../../src/observe/requests.js';

test('requests are told by route: what came of them, bytes, time and rates', () => {
  const metrics = new MetricRegistry();
  const requests = new RequestMetrics(metrics);
  requests.watch(() => ({ active: 2, waiting: 1 }));
  const read = requests.route('GET /user/files');
  requests.sample(0);
  for (const seconds of [0.1, 0.2, 0.3]) {
    read.answered(206, seconds);
    read.received(1000);
  }
  read.answered(404, 0.1);
  read.answered(503, 0.1);
  read.broken();
  read.interrupted();
  requests.route('POST /user/files/upload').sent(500);
  expect(requests.route('GET /user/files')).toBe(read);
  const [first, second] = requests.report(1000);
  expect(first).toMatchObject({
    route: 'GET /user/files', count: 7, perSecond: 7, refused: 1, failed: 1, broken: 1, interrupted: 1, bytesIn: 3000, bytesInPerSecond: 3000,
  });
  expect(first?.latency?.mean).toBeCloseTo(160, 6);
  expect(first?.latency?.max).toBeCloseTo(300, 6);
  expect(second).toMatchObject({ route: 'POST /user/files/upload', count: 0, bytesOut: 500, latency: undefined });
  expect(requests.load).toEqual({ active: 2, waiting: 1 });
  const names = metrics.collect().map(({ name }) => name);
  expect(names).toContain('amarre_http_requests_total');
  for (const name of names) expect(name).toMatch(/^amarre_[a-z_]+$/);
});

test('the last failures: the same again is told once, with how often and when last; no more than a person reads', () => {
  const failures = new RecentFailures();
  for (let index = 0; index < 100; index += 1) failures.note({ operation: 'READ', path: `/${index}`, errno: 'EIO', message: 'no answer' }, index);
  for (let times = 1; times <= 3; times += 1) failures.note({ operation: 'FLUSH', path: '/x', errno: 'EDQUOT', message: 'full' }, 5000 + times);
  const told = failures.report();
  expect(told.length).toBe(50);
  expect(told.at(-1)).toEqual({ operation: 'FLUSH', path: '/x', errno: 'EDQUOT', message: 'full', times: 3, time: '1970-01-01T00:00:05.003Z' });
  expect(told.at(-2)?.path).toBe('/99');
});
