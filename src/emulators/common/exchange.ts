/**
 * One request from its head to its end: matched against the rules of the test, counted, handed to the platform, and
 * answered or broken off. Platforms write handlers that return answers; whatever can go wrong on purpose is here.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ConnectionBroken } from './broken.js';
import { deliver, dispose, type Answer } from './delivery.js';
import { flowOf, type Applied, type Faults } from './faults.js';
import { Passage, pause } from './flow.js';
import { watchClient } from './peer.js';
import { RequestBody } from './request-body.js';
import type { Traffic, TrafficEntry } from './traffic.js';

/** A request as a platform's handler sees it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly body: RequestBody;
  readonly log: TrafficEntry;
  /** Aborts when the client goes away or the emulator closes. */
  readonly signal: AbortSignal;
  /** Runs this when the request is no longer in progress: answered, or given up. */
  readonly onLeave: (work: () => void) => void;
}

export type Handler = (exchange: Exchange) => Promise<Answer>;

/** What a request is about, told by the platform from its target. */
export interface Subject {
  readonly path: string | undefined;
  readonly target: string | undefined;
}

/** What all exchanges of one emulator share. */
export interface ExchangeSettings {
  readonly faults: Faults;
  readonly traffic: Traffic;
  readonly latencyMs: number;
  /** After so many milliseconds an idle connection is closed. */
  readonly idleTimeoutMs: number;
  /** Aborts when the emulator closes. */
  readonly closing: AbortSignal;
  /** Called with what a handler threw by mistake: a fault of the emulator itself. */
  readonly onMistake: (error: unknown) => void;
}

/** Serves one request. Never throws: what cannot be answered ends in a closed connection. */
export async function serve(
  settings: ExchangeSettings,
  route: string,
  subject: Subject,
  request: IncomingMessage,
  response: ServerResponse,
  handler: Handler,
): Promise<void> {
  const method = request.method ?? '';
  const paths = [subject.path, subject.target].filter((path) => path !== undefined);
  const applied = settings.faults.take({ route, method, paths });
  const ended = new AbortController();
  const signal = AbortSignal.any([ended.signal, settings.closing]);
  const log = settings.traffic.begin({
    method,
    route,
    path: subject.path,
    target: subject.target,
    range: request.headers.range,
    client: `${request.socket.remoteAddress ?? ''}:${request.socket.remotePort ?? 0}`,
  });
  const body = new RequestBody(request, response, new Passage(flowOf(applied, 'uploadBody'), signal));
  bodies.set(request.socket, body);
  const leaving = new Set<() => void>();
  const leave = (): void => {
    for (const one of leaving) one();
    leaving.clear();
  };
  // Who stands still reads nothing, and would not hear the client go.
  const stopWatching = applied.some(({ action }) => action.kind === 'stall') ? watchClient(request.socket) : undefined;
  response.once('close', () => {
    stopWatching?.();
    ended.abort();
    leave();
    log.requestBytes = body.taken;
    settings.traffic.finish(log, response.writableFinished ? 'complete' : 'broken');
    // Node waits a second longer than it was told to.
    if (response.writableFinished) request.socket.setTimeout(settings.idleTimeoutMs);
  });
  try {
    const answer = await work({ request, body, log, signal, onLeave: (one) => leaving.add(one) }, applied, settings, handler);
    const passage = new Passage(flowOf(applied, 'responseBody'), signal);
    await deliver({ response, isHead: method === 'HEAD', body, passage, log, leave }, answer);
  } catch (error) {
    if (!(error instanceof ConnectionBroken) && !signal.aborted) settings.onMistake(error);
    request.socket.destroy();
  }
}

async function work(
  exchange: Exchange,
  applied: readonly Applied[],
  settings: ExchangeSettings,
  handler: Handler,
): Promise<Answer> {
  const { signal } = exchange;
  let latencyMs = settings.latencyMs;
  for (const { action } of applied) if (action.kind === 'slow') latencyMs += action.latencyMs ?? 0;
  await pause(latencyMs, signal);
  for (const { action, gate } of applied) {
    if (action.kind === 'stall' && action.at === 'request') await gate.wait(signal);
    if (signal.aborted) throw new ConnectionBroken('the client went away');
    if (action.kind === 'close') throw new ConnectionBroken('closed by a rule');
    if (action.kind !== 'answer') continue;
    const { status, headers = {}, body = '' } = action;
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const type = typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json';
    return { status, headers: { 'Content-Type': type, ...headers }, body: Buffer.from(text) };
  }
  const answer = await handler(exchange);
  for (const { action, gate } of applied) {
    if (action.kind === 'stall' && action.at === 'answer') await gate.wait(signal);
    if (action.kind !== 'loseAnswer') continue;
    await dispose(answer);
    throw new ConnectionBroken('the answer is lost by a rule');
  }
  return answer;
}

/** The body being received on a connection, for the moment when the client closes its side in the middle of it. */
const bodies = new WeakMap<object, RequestBody>();

/** True where a body was being received on this connection, and its handler now knows that it was cut. */
export function bodyCutOn(socket: object): boolean {
  const body = bodies.get(socket);
  return body?.cut() ?? false;
}
