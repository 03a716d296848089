/** What is asked of a file system that is mounted read-only. */
import { asUser, when, type Case } from '../case.js';

const then = 1_020_304_050;

export const readOnly: readonly Case[] = [
  when('read-only: open to read', 'ok, \'hello\\n\'', ['open', 'f', ['O_RDONLY']], ['read', 0, 9]),
  when('read-only: open to write', 'EROFS', ['open', 'f', ['O_WRONLY']]),
  when('read-only: open to read and write', 'EROFS', ['open', 'f', ['O_RDWR']]),
  when('read-only: open with O_TRUNC', 'EROFS', ['open', 'f', ['O_RDONLY', 'O_TRUNC']]),
  when('read-only: open with O_CREAT', 'EROFS', ['open', 'new', ['O_WRONLY', 'O_CREAT']]),
  when('read-only: open with O_CREAT to read what is there', 'ok', ['open', 'f', ['O_RDONLY', 'O_CREAT']]),
  when('read-only: open with O_EXCL of what is there', 'EEXIST', ['open', 'f', ['O_WRONLY', 'O_CREAT', 'O_EXCL']]),
  when('read-only: creat', 'EROFS', ['open', 'new', ['O_WRONLY', 'O_CREAT', 'O_TRUNC']]),
  when('read-only: mkdir', 'EROFS', ['mkdir', 'new']),
  when('read-only: mkdir of what is there', 'EEXIST', ['mkdir', 'd']),
  when('read-only: rmdir', 'EROFS', ['rmdir', 'd']),
  when('read-only: rmdir of nothing', 'EROFS', ['rmdir', 'nothing']),
  when('read-only: unlink', 'EROFS', ['unlink', 'f']),
  when('read-only: unlink of nothing', 'EROFS', ['unlink', 'nothing']),
  when('read-only: rename', 'EROFS', ['rename', 'f', 'new']),
  when('read-only: truncate', 'EROFS', ['truncate', 'f', 0]),
  when('read-only: utimensat', 'EROFS', ['utimensat', 'f', then, then]),
  when('read-only: link', 'EROFS', ['link', 'f', 'new']),
  when('read-only: symlink', 'EROFS', ['symlink', 'f', 'new']),
  when('read-only: mknod', 'EROFS', ['mknod', 'new', 'pipe']),
  when('read-only: chmod', 'EROFS', ['chmod', 'f', 0o600]),
  when('read-only: chown', 'EROFS', ['chown', 'f', 1, 1]),
  when('read-only: access to write', 'EROFS', ['access', 'f', 2]),
  asUser('read-only: unlink', 'EROFS', ['unlink', 'f']),
  when('read-only: statfs', 'names of 255 bytes, room as it should be', ['statfs', '.']),
];
