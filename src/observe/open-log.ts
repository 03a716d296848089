/** The program's log, made by pino, with secrets taken out at the source. */
import { pino } from 'pino';
import type { Log, LogLevel } from './log.js';
import { openLogTarget } from './log-target.js';

/**
 * Opens the program's log: JSON lines to `file` (mode 0600, appended, begun anew at `limit` bytes unless that is 0), else to standard error. Throws
 * where the file cannot be opened; writing to it never does.
 */
export function openLog(options: { readonly level: LogLevel; readonly file?: string | undefined; readonly limit: number }): Log {
  return pino({ level: options.level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, openLogTarget(options.file, options.limit));
}
