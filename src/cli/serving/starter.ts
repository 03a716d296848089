/**
 * Starts the process that serves a mount, and speaks for it: passes on what it tells, how it could
 * not mount, how it ended, also where it died without a word.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { threadPoolEnvironment } from '../../fuse/thread-pool.js';
import type { Outcome } from '../../storage/mount-records.js';
import { CommandError } from '../exit-status.js';
import { secretVariables } from '../secrets.js';
import { messageSchema, type Message, type Plan } from './plan.js';
import { servingProgram } from './program.js';

/** After it said how it ended, the process has this long to be gone, in milliseconds. */
const lastMoments = 1500;

/** A mount that answers. */
export interface Serving {
  readonly pid: number;
  /** How the mount ended. Rejects with a CommandError where its process died without telling. */
  readonly ended: Promise<Outcome>;
  /** Passes a signal on: the first asks it to send what is unsent and unmount, a second SIGINT not to wait any longer. */
  signal(name: 'SIGINT' | 'SIGTERM'): void;
  /** Lets go of it: it serves on, and this process may end. */
  release(): void;
}

/** Where to start from, and whom to tell. */
export interface StarterParts {
  /** Takes each line meant for the person. */
  readonly tell: (line: string) => void;
  /** Stops the start: the mount is given up. */
  readonly signal: AbortSignal;
  /** The serving program; a test gives its own. */
  readonly program?: string;
}

/** Resolves when the mount answers; rejects with the CommandError of the one that could not mount. */
export async function startServing(plan: Plan, parts: StarterParts): Promise<Serving> {
  const child = launch(plan, parts.program ?? servingProgram);
  const messages = readMessages(child, parts.tell);
  const stop = () => child.kill('SIGINT');
  parts.signal.addEventListener('abort', stop, { once: true });
  if (parts.signal.aborted) stop();
  child.send(plan, (error) => {
    // It is gone already: `exit` says how.
    if (error !== null) child.kill('SIGKILL');
  });
  try {
    await messages.mounted;
  } catch (error) {
    // Before the process could listen, a signal simply ends it.
    if (parts.signal.aborted) throw new CommandError('failed', 'interrupted', { cause: error });
    throw error;
  } finally {
    parts.signal.removeEventListener('abort', stop);
  }
  return {
    pid: child.pid ?? 0,
    ended: messages.ended,
    signal: (name) => void child.kill(name),
    release() {
      messages.ended.catch(() => undefined);
      if (child.connected) child.disconnect();
      child.unref();
    },
  };
}

/**
 * A session of its own: Ctrl-C on the terminal must reach it once, through the command, and a
 * closed terminal not at all. The arguments are for people and `amarre umount` to read.
 */
function launch(plan: Plan, program: string): ChildProcess {
  const environment: NodeJS.ProcessEnv = { ...threadPoolEnvironment(process.env) };
  for (const name of secretVariables) Reflect.deleteProperty(environment, name);
  // Whoever waits for the end of our standard error must not wait for a daemon's.
  const complaints = plan.daemon && plan.logFile !== undefined ? openSync(plan.logFile, 'a', 0o600) : 'inherit';
  try {
    return fork(program, [plan.remote, plan.mountpoint, plan.stateFolder], {
      detached: true,
      cwd: '/',
      env: environment,
      execArgv: [],
      stdio: ['ignore', 'ignore', complaints, 'ipc'],
    });
  } finally {
    if (typeof complaints === 'number') closeSync(complaints);
  }
}

function readMessages(child: ChildProcess, tell: (line: string) => void) {
  let failure: CommandError | undefined;
  let outcome: Outcome | undefined;
  let killer: NodeJS.Timeout | undefined;
  const events = new EventEmitter();
  child.on('message', (raw) => {
    const message = messageSchema.safeParse(raw);
    if (message.success) take(message.data);
  });
  const take = (message: Message) => {
    if (message.kind === 'told') tell(message.text);
    if (message.kind === 'mounted') events.emit('mounted');
    if (message.kind === 'failed') failure = new CommandError(message.ending, message.text);
    if (message.kind === 'ended') outcome = message.outcome;
    // A read of the FUSE device that never returns can keep a process from ending by itself.
    if (failure !== undefined || outcome !== undefined) killer ??= setTimeout(() => child.kill('SIGKILL'), lastMoments);
  };
  const gone = new Promise<CommandError>((resolve) => {
    child.once('error', (error) => resolve(new CommandError('failed', `the serving process could not be started: ${error.message}`, { cause: error })));
    child.once('close', (code, signal) => {
      clearTimeout(killer);
      const how = signal === null ? `exit status ${String(code)}` : signal;
      resolve(failure ?? new CommandError('died', `the process that served the mount died (${how}); unsent files are kept and told at the next mount`));
    });
  });
  const mounted = new Promise<void>((resolve, reject) => {
    events.once('mounted', resolve);
    void gone.then(reject);
  });
  const ended = gone.then((death) => {
    if (outcome === undefined) throw death;
    return outcome;
  });
  // The first to fail is told; nobody may be listening to the other.
  mounted.catch(() => undefined);
  ended.catch(() => undefined);
  return { mounted, ended };
}
