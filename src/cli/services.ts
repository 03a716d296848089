/** How a command asks a mount for something on its platform, and shows a person what came of it. */
import type { z } from 'zod';
import { asked, type AskedMount } from './asking.js';
import { askService } from './control/client.js';
import type { ServiceRequest } from './control/services.js';
import { untilInterrupted } from './interrupted.js';
import { oneLine, say, showName } from './terminal.js';

/** Asks the mount that a path lies on; Ctrl-C ends the question. */
export async function request<T>(mount: AskedMount, question: ServiceRequest, schema: z.ZodType<T>): Promise<T> {
  const interrupted = untilInterrupted();
  try {
    return await asked(mount, askService(mount.socket, question, schema, say, interrupted.signal));
  } finally {
    interrupted.forget();
  }
}

/** Prints on standard output: JSON as it is, or lines. Resolves when they are out. */
export function print(value: unknown, lines: readonly string[], json: boolean): Promise<void> {
  const text = json ? JSON.stringify(value, null, 2) : lines.join('\n');
  if (text === '') return Promise.resolve();
  return new Promise((resolve) => process.stdout.write(`${text}\n`, () => resolve()));
}

/** Rows with their columns below each other. What stands in them comes from a server: nothing in it is obeyed. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const clean = rows.map((row) => row.map((cell) => showName(oneLine(cell))));
  const widths = (clean[0] ?? []).map((_, column) => Math.max(...clean.map((row) => row[column]?.length ?? 0)));
  return clean.map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  ').trimEnd());
}

/** A moment as a person here reads it: `2026-11-22 15:44:03`. Two versions of one minute are two. */
export function showMoment(time: number): string {
  const date = new Date(time);
  const two = (number: number): string => String(number).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}
