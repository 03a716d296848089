/** Logs, in one place: what every layer writes to, made by pino, with secrets taken out at the source. */
import { pino, type Logger } from 'pino';
import { openLogTarget } from './log-target.js';

/** What a layer needs of a log. Fields first, then the sentence, as pino has it. */
export type Log = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'child'>;

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * Opens the program's log: JSON lines to `file` (mode 0600, appended, begun anew at `limit` bytes unless that is 0), else to standard error. Throws
 * where the file cannot be opened; writing to it never does.
 */
export function openLog(options: { readonly level: LogLevel; readonly file?: string | undefined; readonly limit: number }): Logger {
  return pino({ level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, openLogTarget(options.file, options.limit));
}

/** A log that goes nowhere, for tests and for parts used alone. */
export function silentLog(): Logger {
  return pino({ level: 'silent' });
}
