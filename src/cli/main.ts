#!/usr/bin/env node
/** The command `amarre`: reads the command line, runs the command that it calls, and ends as that did. */
import { readFileSync } from 'node:fs';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { commandModule } from './command-line.js';
import { commands } from './commands.js';
import { CommandError, exitStatuses, exitStatusHelp, toCommandError } from './exit-status.js';
import { say } from './terminal.js';

/** Columns of the help. Wider than yargs' 80: the options' texts are sentences. */
const helpWidth = 110;

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return /"version": "([^"]+)"/.exec(text)?.[1] ?? 'unknown';
}

/** `mount, umount or status`. */
function namesOf(entries: typeof commands): string {
  const names = entries.map(({ usage }) => usage.split(' ', 1).join());
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1) ?? ''}`;
}

/** Runs a command line to its end; resolves to the exit status. */
async function run(words: readonly string[]): Promise<number> {
  let running: Promise<number> | undefined;
  const parser = yargs([...words])
    .scriptName('amarre')
    .usage('$0 <command>\n\nMoors a remote file platform to a folder of this machine.')
    .version(packageVersion())
    // One language: what follows in a line is ours.
    .locale('en')
    .wrap(helpWidth)
    .strict()
    .demandCommand(1, `name a command: ${namesOf(commands)}`)
    // Names are taken as they are written (--no-write is one of them), and nothing that looks like a number becomes one.
    .parserConfiguration({
      'camel-case-expansion': false, 'parse-numbers': false, 'parse-positional-numbers': false, 'greedy-arrays': false,
      'boolean-negation': false,
    })
    .epilogue(exitStatusHelp())
    .exitProcess(false)
    .fail(false);
  for (const command of commands) {
    parser.command(commandModule(command, words.includes('--help'), (status) => {
      // Whoever awaits it below hears of a failure; until then it is not unheard.
      status.catch(() => undefined);
      running = status;
    }));
  }
  try {
    await parser.parseAsync();
  } catch (error) {
    const complaint = error instanceof Error ? error.message : String(error);
    const [named] = commands.flatMap(({ usage }) => usage.split(' ', 1)).filter((name) => name === words[0]);
    throw new CommandError('usage', `${complaint} (amarre ${named === undefined ? '' : `${named} `}--help tells more)`, { cause: error });
  }
  return running ?? exitStatuses.ok.status;
}

try {
  process.exitCode = await run(hideBin(process.argv));
} catch (thrown) {
  const error = toCommandError(thrown);
  say(error.message);
  process.exitCode = error.status;
}
