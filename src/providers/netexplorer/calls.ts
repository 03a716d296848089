/** The requests by which things are looked at, in one place: paths, queries and how their answers are read. */
import type { Api, Call, Told } from './api.js';
import { readFile, readFolder, type FileObject, type FolderObject } from './objects.js';
import { z } from 'zod';

/** A number in a path. */
export function segment(id: string): string {
  return encodeURIComponent(id);
}

/** One folder without what is in it. */
export function askFolder(api: Api, id: string, about: string, signal: AbortSignal): Promise<Told<FolderObject>> {
  const call: Call = {
    operation: 'look', method: 'GET', path: `/folder/${segment(id)}?depth=0&full=1`, route: '/folder/:id', about, idempotent: true,
  };
  return api.ask(call, (value) => readFolder(Array.isArray(value) ? value[0] : value), signal);
}

/** One version of a file. */
export function askFile(api: Api, id: string, about: string, signal: AbortSignal): Promise<Told<FileObject>> {
  const call: Call = { operation: 'look', method: 'GET', path: `/file/${segment(id)}`, route: '/file/:id', about, idempotent: true };
  return api.ask(call, readFile, signal);
}

const list = z.array(z.unknown());
const paged = z.looseObject({ objects: list });

/** A list, as it is or in a page. */
export function readList(value: unknown): readonly unknown[] | undefined {
  const bare = list.safeParse(value);
  if (bare.success) return bare.data;
  const page = paged.safeParse(value);
  return page.success ? page.data.objects : undefined;
}

/** All versions of a document by the number of any of them, newest first. */
export function askVersions(api: Api, id: string, about: string, signal: AbortSignal): Promise<Told<readonly FileObject[]>> {
  const call: Call = {
    operation: 'versions', method: 'GET', path: `/file/${segment(id)}/versions`, route: '/file/:id/versions', about, idempotent: true,
  };
  return api.ask(call, (value) => readList(value)?.map(readFile).filter((file) => file !== undefined), signal);
}
