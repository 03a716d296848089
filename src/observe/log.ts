/**
 * What every layer writes its log to. The library behind it comes in where the program's log is opened
 * (`open-log.ts`), so that commands without a log need not load it.
 */
import type { LogFn } from 'pino';

/** What a layer needs of a log. Fields first, then the sentence, as pino has it. */
export interface Log {
  readonly trace: LogFn;
  readonly debug: LogFn;
  readonly info: LogFn;
  readonly warn: LogFn;
  readonly error: LogFn;
  /** A log whose lines have these fields besides. */
  child(fields: Readonly<Record<string, unknown>>): Log;
}

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

const nothing = () => undefined;
const silent: Log = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => silent };

/** A log that goes nowhere, for tests and for parts used alone. */
export function silentLog(): Log {
  return silent;
}
