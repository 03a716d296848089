/** Opens an address in the person's browser where there is one. It is printed, too, so that nothing hangs on it. */
import { spawn } from 'node:child_process';

/** The program that opens addresses; undefined where no browser could show itself. */
export function browserProgram(platform: NodeJS.Platform, environment: Readonly<Record<string, string | undefined>>): string | undefined {
  if (platform === 'darwin') return 'open';
  // Without a display, xdg-open would look for a browser that writes to the terminal.
  const display = [environment['DISPLAY'], environment['WAYLAND_DISPLAY']].some((name) => name !== undefined && name !== '');
  return display ? 'xdg-open' : undefined;
}

/** Never fails, and waits for nothing. True where a program was started. */
export function openBrowser(address: string): boolean {
  const program = browserProgram(process.platform, process.env);
  if (program === undefined) return false;
  // The browser outlives the command.
  const child = spawn(program, [address], { detached: true, stdio: 'ignore' });
  child.on('error', () => undefined);
  child.unref();
  return child.pid !== undefined;
}
