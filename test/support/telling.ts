/** Commands over the channel to a program of the tests, each answered with its number. */
import type { ChildProcess } from 'node:child_process';
import { z } from 'zod';
import { within } from './programs.js';

const answerSchema = z.object({ number: z.number(), result: z.unknown().optional(), error: z.string().optional() });

/** Has the program perform a command. Fails after 10 s, or with what it failed with there. */
export function tellerOf(child: ChildProcess): (command: { readonly do: string }) => Promise<unknown> {
  let last = 0;
  return (command) => {
    const number = ++last;
    const answer = new Promise((resolve, reject) => {
      const hear = (message: unknown): void => {
        const parsed = answerSchema.safeParse(message);
        if (!parsed.success || parsed.data.number !== number) return;
        child.off('message', hear);
        if (parsed.data.error === undefined) resolve(parsed.data.result);
        else reject(new Error(parsed.data.error));
      };
      child.on('message', hear);
      child.send({ number, command });
    });
    return within(10_000, `an answer to ${command.do}`, answer);
  };
}
