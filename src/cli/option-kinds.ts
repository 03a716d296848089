/**
 * What options are made of: the text that goes with each, and the kinds of values with what is said of a wrong one.
 * The options themselves are in `options.ts`, those of the emulators in `emulator-options.ts`.
 */
import { resolve } from 'node:path';
import { z } from 'zod';
import { parseDuration, parseSize } from './units.js';

/** How an option is shown to people. */
export interface OptionText {
  readonly describe: string;
  /** What is to be written behind it, with the units that it takes. */
  readonly unit: string;
  /** As a person would write it; undefined where there is none to write. */
  readonly default: string | boolean | undefined;
  /** What happens without it, where `default` does not say so. */
  readonly otherwise?: string;
  /** How often: a `list` may be given several times, of another value the last one counts. */
  readonly kind: 'flag' | 'value' | 'list';
}

export const texts = z.registry<OptionText>();

export const units = {
  duration: 'duration: 500ms, 30s, 10m, 2h',
  size: 'size in bytes: 512K, 256M, 2G',
  number: 'number',
  folder: 'folder',
  file: 'file',
  flag: 'on or off',
} as const;

export const duration = () => checked(parseDuration, 'wanted a duration with its unit, such as 500ms, 30s or 10m');
export const size = () => checked(parseSize, 'wanted a size such as 65536, 512K, 256M or 2G');
export const whole = (from: number, to: number) => checked((text) => {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return value >= from && value <= to ? value : undefined;
}, `wanted a whole number from ${from} to ${to}`);
export const flag = () => z.boolean();
export const path = () => checked((text) => (text === '' ? undefined : resolve(text)), 'wanted a path');

/** A text that `read` makes something of, or refuses with `complaint` by answering undefined. */
export function checked<T>(read: (text: string) => T | undefined, complaint: string) {
  return z.string(complaint).transform((text, context): T => {
    const value = read(text);
    if (value !== undefined) return value;
    context.issues.push({ code: 'custom', message: complaint, input: text });
    return z.NEVER;
  });
}

export const positive = <T extends z.ZodType<number>>(schema: T) =>
  schema.refine((value) => value > 0, 'must be more than 0');
