#!/usr/bin/env node
/** The command `amarre`: which commands there are, and how each ends. */
import { readFileSync } from 'node:fs';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { z } from 'zod';
import { commandModule } from './command.js';
import { demoCommand } from './demo.js';
import { doctorCommand } from './doctor.js';
import { emulateCommand } from './emulate.js';
import { CommandError, exitStatuses, exitStatusHelp, toCommandError } from './exit-status.js';
import { mountCommand } from './mount.js';
import { refreshCommand } from './refresh.js';
import { statusCommand } from './status.js';
import { say } from './terminal.js';
import { umountCommand } from './umount.js';

const commands = [mountCommand, umountCommand, statusCommand, refreshCommand, doctorCommand, emulateCommand, demoCommand];

/** Columns of the help. Wider than yargs' 80: the options' texts are sentences. */
const helpWidth = 110;

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
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
    .demandCommand(1, 'name a command: mount, umount, status, refresh, doctor, emulate or demo')
    // Names are taken as they are written (--no-write is one of them), and nothing that looks like a number becomes one.
    .parserConfiguration({
      'camel-case-expansion': false, 'parse-numbers': false, 'parse-positional-numbers': false, 'greedy-arrays': false,
      'boolean-negation': false,
    })
    .epilogue(exitStatusHelp())
    .exitProcess(false)
    .fail(false);
  for (const command of commands) {
    parser.command(commandModule(command, (status) => {
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
