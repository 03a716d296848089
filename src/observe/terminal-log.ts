/** A log whose warnings are lines for the person in front: for what happens before the mount is up. */
import { silentLog, type Log } from './log.js';

/** Passes the sentence of each warning and error on, and nothing of lesser weight. */
export function openTerminalLog(say: (sentence: string) => void): Log {
  const tell = (...words: readonly unknown[]) => {
    const sentence = words.find((word) => typeof word === 'string');
    if (sentence !== undefined) say(sentence);
  };
  const log: Log = { ...silentLog(), warn: tell, error: tell, child: () => log };
  return log;
}
