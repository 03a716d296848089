/**
 * Numbers about the running mount, in the shape that Prometheus asks for. Who counts holds the counter
 * itself, found once and not at every event: counting is an addition. What can be read when somebody
 * asks (how many files are open) costs nothing until then.
 */

/** Of a small, bounded set of values each: every combination is a number that is kept for ever. */
export type Labels = Readonly<Record<string, string>>;

/** A number that only grows. */
export class Counter {
  value = 0;

  add(amount = 1): void {
    this.value += amount;
  }
}

/** How often a value fell between which bounds. */
export class Histogram {
  /** Upper bounds, rising. */
  readonly bounds: readonly number[];
  /** One more than there are bounds: the last counts what is above all of them. */
  readonly counts: number[];
  sum = 0;
  /** The largest value so far. */
  max = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    this.sum += value;
    this.max = Math.max(this.max, value);
    const found = this.bounds.findIndex((bound) => value <= bound);
    const at = found < 0 ? this.bounds.length : found;
    this.counts[at] = (this.counts[at] ?? 0) + 1;
  }

  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }
}

/** What a layer needs to be counted. Names are Prometheus' kind: `amarre_…_total`, `_bytes`, `_seconds`. */
export interface Metrics {
  /** The counter of that name and those labels: the same one whenever it is asked for. */
  counter(name: string, help: string, labels?: Labels): Counter;
  /** `bounds` are the first caller's. */
  histogram(name: string, help: string, bounds: readonly number[], labels?: Labels): Histogram;
  /** A number that is read when somebody looks. */
  gauge(name: string, help: string, read: () => number, labels?: Labels): void;
}

export type Sample =
  | { readonly labels: Labels; readonly value: number }
  | { readonly labels: Labels; readonly sum: number; readonly count: number; readonly buckets: readonly { readonly upTo: number; readonly count: number }[] };

/** All numbers of one name. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly samples: readonly Sample[];
}

type Source = Counter | Histogram | (() => number);

interface Family {
  readonly help: string;
  readonly type: MetricFamily['type'];
  readonly members: Map<string, { readonly labels: Labels; readonly source: Source }>;
}

/** All numbers of one mount. Belongs to nobody else: two mounts in one process are counted apart. */
export class MetricRegistry implements Metrics {
  readonly #families = new Map<string, Family>();

  counter(name: string, help: string, labels: Labels = {}): Counter {
    const found = this.#member(name, 'counter', help, labels, () => new Counter());
    if (found instanceof Counter) return found;
    throw new Error(`${name} is no counter`);
  }

  histogram(name: string, help: string, bounds: readonly number[], labels: Labels = {}): Histogram {
    const found = this.#member(name, 'histogram', help, labels, () => new Histogram(bounds));
    if (found instanceof Histogram) return found;
    throw new Error(`${name} is no histogram`);
  }

  gauge(name: string, help: string, read: () => number, labels: Labels = {}): void {
    if (this.#member(name, 'gauge', help, labels, () => read) !== read) throw new Error(`${name} is read elsewhere already`);
  }

  /** What everything stands at now, in the order in which the names were first used. */
  collect(): readonly MetricFamily[] {
    return [...this.#families].map(([name, { help, type, members }]) => ({
      name, help, type, samples: [...members.values()].map(({ labels, source }) => sampleOf(labels, source)),
    }));
  }

  #member(name: string, type: MetricFamily['type'], help: string, labels: Labels, make: () => Source): Source {
    const family: Family = this.#families.get(name) ?? { help, type, members: new Map() };
    this.#families.set(name, family);
    if (family.type !== type) throw new Error(`${name} is a ${family.type}`);
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => a.localeCompare(b)));
    const found = family.members.get(key)?.source;
    if (found !== undefined) return found;
    const made = make();
    family.members.set(key, { labels, source: made });
    return made;
  }
}

function sampleOf(labels: Labels, source: Source): Sample {
  if (source instanceof Counter) return { labels, value: source.value };
  if (!(source instanceof Histogram)) return { labels, value: source() };
  let count = 0;
  const buckets = [...source.bounds, Infinity].map((upTo, index) => {
    count += source.counts[index] ?? 0;
    return { upTo, count };
  });
  return { labels, sum: source.sum, count, buckets };
}

/**
 * The value that a share (0 to 1) of what was observed does not exceed, as near as the bounds tell;
 * undefined where nothing was observed.
 */
export function quantile(histogram: Histogram, share: number): number | undefined {
  const total = histogram.count;
  if (total === 0) return undefined;
  const wanted = share * total;
  let below = 0;
  for (const [index, count] of histogram.counts.entries()) {
    if (count > 0 && below + count >= wanted) {
      const from = histogram.bounds[index - 1] ?? 0;
      const to = Math.max(from, Math.min(histogram.bounds[index] ?? histogram.max, histogram.max));
      return from + (to - from) * ((wanted - below) / count);
    }
    below += count;
  }
  return histogram.max;
}
