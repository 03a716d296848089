/** A log whose warnings are lines for the person in front: for what happens before the mount is up. */
import { pino, type Logger } from 'pino';
import { z } from 'zod';

const entrySchema = z.object({ msg: z.string() });

/** Passes the sentence of each warning and error on, and nothing of lesser weight. */
export function openTerminalLog(say: (sentence: string) => void): Logger {
  const write = (line: string) => {
    const entry = entrySchema.safeParse(JSON.parse(line));
    if (entry.success) say(entry.data.msg);
  };
  return pino({ level: 'warn', base: null }, { write });
}
