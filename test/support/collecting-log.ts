/** A log that a test can read. */
import { pino } from 'pino';
import { z } from 'zod';
import type { Log } from '../../src/observe/log.js';

const logLine = z.looseObject({ level: z.number(), msg: z.string() });
export type LogLine = z.infer<typeof logLine>;

export function collectingLog(): { readonly log: Log; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const log = pino({ level: 'trace', base: null }, {
    write: (text: string) => {
      const value: unknown = JSON.parse(text);
      lines.push(logLine.parse(value));
    },
  });
  return { log, lines };
}
