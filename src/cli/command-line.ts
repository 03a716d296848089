/** Commands as yargs takes them. */
import type { Argv, CommandModule } from 'yargs';
import type { CommandEntry } from './commands.js';
import { exitStatusHelp } from './exit-status.js';

/**
 * A command for yargs, loaded when the command line calls it. What it does is handed to `begun` and not to yargs, so
 * that whatever yargs throws is a complaint about the command line.
 */
export function commandModule(entry: CommandEntry, asksHelp: boolean, begun: (status: Promise<number>) => void): CommandModule {
  const load = async () => Promise.all([entry.load(), import('./options.js')]);
  return {
    command: entry.usage,
    aliases: entry.aliases ?? [],
    describe: entry.describe,
    async builder(parser: Argv) {
      const [command, { yargsOptions }] = await load();
      // yargs lays the help out at every call: for nobody, it is to be short.
      const hidden = !asksHelp;
      for (const [word, describe] of Object.entries(command.words)) parser.positional(word, { describe, type: 'string', hidden });
      for (const [name, option] of Object.entries(yargsOptions(command.options))) parser.option(name, { ...option, hidden });
      if (hidden) return parser;
      for (const [example, text] of command.examples) parser.example(example, text);
      return parser.epilogue([command.notes, exitStatusHelp()].filter((text) => text !== undefined).join('\n\n'));
    },
    handler(written) {
      begun(load().then(([command]) => command.run(written)));
    },
  };
}
