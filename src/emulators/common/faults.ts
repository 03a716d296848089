/**
 * What a test makes go wrong. A platform's own behaviour lives in its folder; here is everything that happens to any
 * server: answers that fail, connections that break, bodies that stop half-way, a line that is slow. Rules are kept
 * and matched here, as data; the exchange and the delivery carry them out.
 */
import { z } from 'zod';

const action = z.discriminatedUnion('kind', [
  /** This answer, with none of the work done. A body that is not a string is sent as JSON. */
  z.strictObject({
    kind: z.literal('answer'),
    status: z.number().int().min(200).max(599),
    headers: z.record(z.string(), z.string()).optional(),
    body: z.union([z.string(), z.record(z.string(), z.unknown()), z.array(z.unknown())]).optional(),
  }),
  /** The connection is closed without an answer, with none of the work done. */
  z.strictObject({ kind: z.literal('close') }),
  /** The work is done, then the connection is closed without an answer. */
  z.strictObject({ kind: z.literal('loseAnswer') }),
  /** The connection is closed after so many bytes of the answer's body; the head promises all of it. */
  z.strictObject({ kind: z.literal('cutResponse'), afterBytes: z.number().int().min(0) }),
  /** The connection is closed after so many bytes of the request's body. */
  z.strictObject({ kind: z.literal('cutUpload'), afterBytes: z.number().int().min(0) }),
  /**
   * Nothing moves until the rule is released: before the work (`request`), after it (`answer`), or in the middle of a
   * body after so many bytes.
   */
  z.strictObject({
    kind: z.literal('stall'),
    at: z.enum(['request', 'answer', 'responseBody', 'uploadBody']),
    afterBytes: z.number().int().min(0).optional(),
  }),
  /** A wait before the work, and a limit on the bytes per second of both bodies. */
  z.strictObject({
    kind: z.literal('slow'),
    latencyMs: z.number().min(0).optional(),
    bytesPerSecond: z.number().positive().optional(),
  }),
]);

/** A rule as a test writes it: which requests, how many of them, and what happens to them. */
export const faultRule = z.strictObject({
  /** The route's name (`get`, `upload`, ...); left out: every route. */
  route: z.string().optional(),
  method: z.string().optional(),
  /** The path, or the target of a move or copy, must be this one. */
  path: z.string().optional(),
  /** The path, or the target, must match this regular expression. */
  pathMatches: z.string().optional(),
  /** So many matching requests pass before the rule begins. Default 0. */
  skip: z.number().int().min(0).optional(),
  /** So many requests are hit, then the rule is spent; 0 is all of them until the rule is removed. Default 1. */
  times: z.number().int().min(0).optional(),
  action,
});

export type FaultRule = z.infer<typeof faultRule>;
export type FaultAction = z.infer<typeof action>;

/** What a request is matched by. */
export interface Matched {
  readonly route: string;
  readonly method: string;
  readonly paths: readonly string[];
}

interface LiveRule {
  readonly id: string;
  readonly rule: FaultRule;
  readonly pattern: RegExp | undefined;
  readonly gate: Gate;
  skip: number;
  left: number;
}

/** A wait that many can stand at, opened once for all of them. */
export class Gate {
  #open = false;
  #waiting = new Set<() => void>();

  get waiting(): number {
    return this.#waiting.size;
  }

  open(): void {
    this.#open = true;
    for (const go of [...this.#waiting]) go();
  }

  /** Resolves when the gate opens or the signal aborts: whoever waits looks at the signal after. */
  async wait(signal: AbortSignal): Promise<void> {
    if (this.#open || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        this.#waiting.delete(go);
        signal.removeEventListener('abort', go);
        resolve();
      };
      this.#waiting.add(go);
      signal.addEventListener('abort', go);
    });
  }
}

/** One action as it applies to one request, with the gate of its rule. */
export interface Applied {
  readonly action: FaultAction;
  readonly gate: Gate;
}

/** The rules of one emulator. */
export class Faults {
  #rules = new Map<string, LiveRule>();
  /** Gates of spent rules at which requests may still wait, so that they can be released. */
  #spent = new Map<string, Gate>();
  #next = 1;

  add(rule: FaultRule): string {
    const id = String(this.#next++);
    this.#rules.set(id, {
      id,
      rule,
      pattern: rule.pathMatches === undefined ? undefined : new RegExp(rule.pathMatches, 'u'),
      gate: new Gate(),
      skip: rule.skip ?? 0,
      left: rule.times === 0 ? Infinity : (rule.times ?? 1),
    });
    return id;
  }

  /** Removes one rule, or all, and lets go on what waits at it. */
  remove(id?: string): void {
    for (const live of [...this.#rules.values()]) {
      if (id !== undefined && live.id !== id) continue;
      this.#rules.delete(live.id);
      live.gate.open();
    }
    for (const [spent, gate] of [...this.#spent]) {
      if (id !== undefined && spent !== id) continue;
      this.#spent.delete(spent);
      gate.open();
    }
  }

  /** Requests that wait at a gate now. */
  get stalled(): number {
    let count = 0;
    for (const live of this.#rules.values()) count += live.gate.waiting;
    for (const gate of this.#spent.values()) count += gate.waiting;
    return count;
  }

  /** The actions for this request; each rule that applies is used up by one. */
  take(request: Matched): Applied[] {
    const applied: Applied[] = [];
    for (const live of [...this.#rules.values()]) {
      if (!matches(live, request)) continue;
      if (live.skip > 0) {
        live.skip -= 1;
        continue;
      }
      live.left -= 1;
      if (live.left <= 0) {
        this.#rules.delete(live.id);
        if (live.rule.action.kind === 'stall') this.#spent.set(live.id, live.gate);
      }
      applied.push({ action: live.rule.action, gate: live.gate });
    }
    return applied;
  }
}

function matches(live: LiveRule, request: Matched): boolean {
  const { rule, pattern } = live;
  if (rule.route !== undefined && rule.route !== request.route) return false;
  if (rule.method !== undefined && rule.method !== request.method) return false;
  if (rule.path !== undefined && !request.paths.includes(rule.path)) return false;
  return pattern === undefined || request.paths.some((path) => pattern.test(path));
}

/** How a body in one direction is to flow: where it stops, where it breaks, how fast it goes. */
export interface Flow {
  readonly cutAfter: number | undefined;
  readonly stalls: readonly { readonly afterBytes: number; readonly gate: Gate }[];
  readonly bytesPerSecond: number | undefined;
}

/** The part of the actions that concerns the bytes of one body. */
export function flowOf(applied: readonly Applied[], direction: 'responseBody' | 'uploadBody'): Flow {
  let cutAfter: number | undefined;
  let bytesPerSecond: number | undefined;
  const stalls: { afterBytes: number; gate: Gate }[] = [];
  const cutKind = direction === 'responseBody' ? 'cutResponse' : 'cutUpload';
  for (const { action, gate } of applied) {
    if (action.kind === cutKind) cutAfter = Math.min(cutAfter ?? Infinity, action.afterBytes);
    else if (action.kind === 'stall' && action.at === direction) stalls.push({ afterBytes: action.afterBytes ?? 0, gate });
    else if (action.kind === 'slow' && action.bytesPerSecond !== undefined) bytesPerSecond = action.bytesPerSecond;
  }
  stalls.sort((a, b) => a.afterBytes - b.afterBytes);
  return { cutAfter, stalls, bytesPerSecond };
}
