/** Changes, and what the platform has of them when every look asks it anew. */
import { when, type Case } from '../case.js';

export const anew: readonly Case[] = [
  when('anew: a file cut', 'ok', ['truncate', 'f', 2]),
  when('anew: a file written', 'ok, 1, ok', ['open', 'f', ['O_WRONLY']], ['write', 0, 'H'], ['close', 0]),
  when('anew: a file written through a link', 'ok, 1, ok', ['open', 'fl', ['O_WRONLY']], ['write', 0, 'H'], ['close', 0]),
  when('anew: a time set', '1020304050 1020304050', ['utimensat', 'f', 1_020_304_050, 1_020_304_050]),
  when('anew: a folder made', 'ok', ['mkdir', 'new']),
  when('anew: a folder made through a link', 'ok', ['mkdir', 'dl/new']),
  when('anew: a file renamed over a link', 'ok', ['rename', 'g', 'fl']),
  when('anew: a link renamed', 'ok', ['rename', 'fl', 'new']),
  when('anew: a file removed', 'ok', ['unlink', 'f']),
  when('anew: a link removed', 'ok', ['unlink', 'fl']),
  when('anew: a folder removed', 'ok', ['rmdir', 'd']),
  when('anew: a file made and written', 'ok, 1, ok', ['open', 'new', ['O_WRONLY', 'O_CREAT']], ['write', 0, 'x'], ['close', 0]),
];
