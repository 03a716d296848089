/** Go's `os.FileMode`, as SFTPGo lists it. (SFTPGo's page: directories) */

const folderBit = 0x80000000;
const linkBit = 0x08000000;
/** Folder, link, device, pipe, socket, character device, irregular. */
const typeBits = 0x8f280000;

/** `special`: a pipe, socket or device. GET and HEAD of a pipe never answer: it must not be asked for. */
export type FileType = 'file' | 'folder' | 'link' | 'special';

/** What a mode stands for; set-id, sticky and permission bits do not matter here. */
export function typeOfMode(mode: number): FileType {
  const bits = mode >>> 0;
  if ((bits & linkBit) !== 0) return 'link';
  if ((bits & folderBit) !== 0) return 'folder';
  return (bits & typeBits) === 0 ? 'file' : 'special';
}
