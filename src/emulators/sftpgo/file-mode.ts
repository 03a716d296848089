/**
 * Go's `os.FileMode`, which a listing shows: the permission bits where Unix has them, everything else elsewhere
 * (SFTPGo's page: directories).
 */

const goType = new Map<number, number>([
  [0o040000, 0x80000000], // directory
  [0o120000, 0x08000000], // symbolic link
  [0o010000, 0x02000000], // pipe
  [0o140000, 0x01000000], // socket
  [0o060000, 0x04000000], // block device
  [0o020000, 0x04000000 + 0x00200000], // character device
]);

/** The number for a Unix `st_mode`, unsigned. */
export function goFileMode(mode: number): number {
  let bits = (mode & 0o777) + (goType.get(mode & 0o170000) ?? 0);
  if (mode & 0o4000) bits += 0x00800000;
  if (mode & 0o2000) bits += 0x00400000;
  if (mode & 0o1000) bits += 0x00100000;
  return bits;
}
