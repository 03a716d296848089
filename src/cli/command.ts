/** What a command is, and how one becomes yargs' kind. */
import type { Argv, CommandModule } from 'yargs';
import type { z } from 'zod';
import { exitStatusHelp } from './exit-status.js';
import { yargsOptions } from './options.js';

export interface Command {
  /** As yargs writes it: `mount <remote> <mountpoint>`. */
  readonly usage: string;
  /** Other names. */
  readonly aliases?: readonly string[];
  readonly describe: string;
  /** What each word of the usage is. */
  readonly words: Readonly<Record<string, string>>;
  readonly options: z.ZodObject;
  /** Said below the options. */
  readonly notes?: string;
  readonly examples: readonly (readonly [string, string])[];
  /** Runs it with what was written; resolves to the exit status, or throws what `toCommandError` makes something of. */
  run(written: Readonly<Record<string, unknown>>): Promise<number>;
}

/**
 * A command for yargs. What it does is handed to `begun` and not to yargs, so that whatever yargs
 * throws is a complaint about the command line.
 */
export function commandModule(command: Command, begun: (status: Promise<number>) => void): CommandModule {
  return {
    command: command.usage,
    aliases: command.aliases ?? [],
    describe: command.describe,
    builder(parser: Argv) {
      for (const [word, describe] of Object.entries(command.words)) parser.positional(word, { describe, type: 'string' });
      parser.options(yargsOptions(command.options));
      for (const [example, text] of command.examples) parser.example(example, text);
      return parser.epilogue([command.notes, exitStatusHelp()].filter((text) => text !== undefined).join('\n\n'));
    },
    handler(written) {
      begun(command.run(written));
    },
  };
}
