/**
 * Who a process is, so that it can be told later whether it still lives. A number alone does not do:
 * numbers are given again, start anew after a reboot, and mean something else in another container.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';

export const processIdentitySchema = z.object({
  pid: z.int().positive(),
  /** Clock ticks between the boot and the start of the process: field 22 of /proc/PID/stat. */
  start: z.string(),
  /** The kernel's id of this boot. */
  boot: z.string(),
  /** In which namespace the pid counts. */
  namespace: z.string(),
  host: z.string(),
});
export type ProcessIdentity = z.infer<typeof processIdentitySchema>;

/** What is known of the processes of this machine. A test gives its own. */
export interface ProcessTable {
  /** Identity of a live process of this namespace; undefined where there is none. */
  identify(pid: number): ProcessIdentity | undefined;
}

/** The table of the running system. */
export const systemProcesses: ProcessTable = {
  identify(pid) {
    const stat = readText(`/proc/${pid}/stat`);
    // The name, in parentheses, may itself hold spaces and parentheses: fields count from its end.
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, start] = [fields?.[0], fields?.[19]];
    // Z and X: it has ended, and only its parent has not looked yet.
    if (start === undefined || state === 'Z' || state === 'X') return undefined;
    const boot = readText('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
    return { pid, start, boot, namespace: readLink('/proc/self/ns/pid'), host: hostname() };
  },
};

/**
 * Whether the process that once gave this identity still lives. `unknown` where this machine cannot
 * see it: another host's on a shared home, another container's.
 */
export function processLife(identity: ProcessIdentity, processes: ProcessTable): 'alive' | 'dead' | 'unknown' {
  const self = processes.identify(process.pid);
  if (self === undefined) return 'unknown';
  if (identity.boot !== self.boot) return identity.host === self.host ? 'dead' : 'unknown';
  if (identity.namespace !== self.namespace) return 'unknown';
  return processes.identify(identity.pid)?.start === identity.start ? 'alive' : 'dead';
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
