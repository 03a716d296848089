/**
 * Requests to the platform by route: how many, what came of them, how many bytes, how long. A route is
 * the method and the fixed part of the path; what stands in a query (names, targets) is nobody's business.
 */
import { quantile, type Counter, type Histogram, type Metrics } from './metrics.js';
import { Rate } from './rate.js';

/** Where requests of one route are counted. Each call is an addition or two. */
export interface RouteMeter {
  /** Bytes of bodies that the network took. */
  sent(bytes: number): void;
  /** Bytes of bodies that came. */
  received(bytes: number): void;
  /** An answer began, so many seconds after the request was sent. */
  answered(status: number, seconds: number): void;
  /** The connection broke, or nothing moved: there is no answer. */
  broken(): void;
  /** Nobody waits for it any more. */
  interrupted(): void;
}

export interface RequestLoad {
  /** Requests on their way. */
  readonly active: number;
  /** And those that wait for their turn. */
  readonly waiting: number;
}

/** What sends requests is watched through this. */
export interface RequestObserver {
  /** The meter of a route: `GET /user/files`. Routes are few: no name, no id, no query. */
  route(name: string): RouteMeter;
  /** Where to look how many are out. */
  watch(load: () => RequestLoad): void;
}

/** One route, for a person. */
export interface RouteReport {
  readonly route: string;
  /** Requests begun, and that of the last seconds, a second. */
  readonly count: number;
  readonly perSecond: number;
  /** Answers of the status classes 4xx and 5xx, and requests without an answer. */
  readonly refused: number;
  readonly failed: number;
  readonly broken: number;
  readonly interrupted: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly bytesInPerSecond: number;
  readonly bytesOutPerSecond: number;
  /** Milliseconds until the answer began; undefined before the first answer. */
  readonly latency: { readonly mean: number; readonly median: number; readonly p95: number; readonly max: number } | undefined;
}

/** Seconds: from a neighbour's answer out of memory to the end of a long copy. */
const latencyBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

const kinds = ['2xx', '3xx', '4xx', '5xx', 'broken', 'interrupted'] as const;
type Kind = (typeof kinds)[number];

class Route implements RouteMeter {
  readonly #ended: Readonly<Record<Kind, Counter>>;
  readonly #in: Counter;
  readonly #out: Counter;
  readonly #latency: Histogram;
  readonly #rates = { count: new Rate(), in: new Rate(), out: new Rate() };

  constructor(private readonly name: string, metrics: Metrics) {
    const ended = (outcome: Kind) => metrics.counter('amarre_http_requests_total', 'Requests to the platform that have ended.', { route: name, outcome });
    this.#ended = {
      '2xx': ended('2xx'), '3xx': ended('3xx'), '4xx': ended('4xx'), '5xx': ended('5xx'), broken: ended('broken'), interrupted: ended('interrupted'),
    };
    this.#in = metrics.counter('amarre_http_received_bytes_total', 'Bytes of bodies received.', { route: name });
    this.#out = metrics.counter('amarre_http_sent_bytes_total', 'Bytes of bodies sent.', { route: name });
    this.#latency = metrics.histogram('amarre_http_answer_seconds', 'Seconds from a request to the beginning of its answer.', latencyBounds, { route: name });
  }

  sent(bytes: number): void {
    this.#out.add(bytes);
  }

  received(bytes: number): void {
    this.#in.add(bytes);
  }

  answered(status: number, seconds: number): void {
    this.#ended[kindOf(status)].add();
    this.#latency.observe(seconds);
  }

  broken(): void {
    this.#ended.broken.add();
  }

  interrupted(): void {
    this.#ended.interrupted.add();
  }

  sample(now: number): void {
    this.#rates.count.note(this.#count, now);
    this.#rates.in.note(this.#in.value, now);
    this.#rates.out.note(this.#out.value, now);
  }

  report(now: number): RouteReport {
    const latency = this.#latency;
    const answers = latency.count;
    const milliseconds = (share: number): number => (quantile(latency, share) ?? 0) * 1000;
    return {
      route: this.name,
      count: this.#count,
      perSecond: this.#rates.count.perSecond(this.#count, now),
      refused: this.#ended['4xx'].value,
      failed: this.#ended['5xx'].value,
      broken: this.#ended.broken.value,
      interrupted: this.#ended.interrupted.value,
      bytesIn: this.#in.value,
      bytesOut: this.#out.value,
      bytesInPerSecond: this.#rates.in.perSecond(this.#in.value, now),
      bytesOutPerSecond: this.#rates.out.perSecond(this.#out.value, now),
      latency: answers === 0 ? undefined : {
        mean: latency.sum * 1000 / answers, median: milliseconds(0.5), p95: milliseconds(0.95), max: latency.max * 1000,
      },
    };
  }

  get #count(): number {
    return kinds.reduce((sum, kind) => sum + this.#ended[kind].value, 0);
  }
}

function kindOf(status: number): Kind {
  if (status >= 500) return '5xx';
  if (status >= 400) return '4xx';
  return status >= 300 ? '3xx' : '2xx';
}

/** The requests of one mount. */
export class RequestMetrics implements RequestObserver {
  readonly #metrics: Metrics;
  readonly #routes = new Map<string, Route>();
  readonly #loads: (() => RequestLoad)[] = [];

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    metrics.gauge('amarre_http_requests_active', 'Requests on their way.', () => this.load.active);
    metrics.gauge('amarre_http_requests_waiting', 'Requests that wait for a free connection.', () => this.load.waiting);
  }

  route(name: string): RouteMeter {
    const known = this.#routes.get(name);
    if (known !== undefined) return known;
    const made = new Route(name, this.#metrics);
    this.#routes.set(name, made);
    return made;
  }

  watch(load: () => RequestLoad): void {
    this.#loads.push(load);
  }

  get load(): RequestLoad {
    const loads = this.#loads.map((read) => read());
    return { active: loads.reduce((sum, { active }) => sum + active, 0), waiting: loads.reduce((sum, { waiting }) => sum + waiting, 0) };
  }

  /** To be called every second or so, for the rates. */
  sample(now: number): void {
    for (const route of this.#routes.values()) route.sample(now);
  }

  /** The routes used so far, the busiest first. `now`: of the same clock as `sample`. */
  report(now: number): readonly RouteReport[] {
    return [...this.#routes.values()].map((route) => route.report(now)).sort((a, b) => b.count - a.count);
  }
}

/** For what is used alone, and for requests that are none of the platform's. */
export const unobserved: RequestObserver & { readonly meter: RouteMeter } = {
  meter: { sent: () => undefined, received: () => undefined, answered: () => undefined, broken: () => undefined, interrupted: () => undefined },
  route: () => unobserved.meter,
  watch: () => undefined,
};
