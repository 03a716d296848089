/** What a command is, once it is called: its words, its options and what it does. */
import type { z } from 'zod';

export interface Command {
  /** What each word of the usage is. */
  readonly words: Readonly<Record<string, string>>;
  readonly options: z.ZodObject;
  /** Said below the options. */
  readonly notes?: string;
  readonly examples: readonly (readonly [string, string])[];
  /** Runs it with what was written; resolves to the exit status, or throws what `toCommandError` makes something of. */
  run(written: Readonly<Record<string, unknown>>): Promise<number>;
}
