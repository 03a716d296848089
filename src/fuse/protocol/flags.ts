/** The bits that FUSE's fields are made of, under the kernel's names less their prefix. */

/** `setattr_in.valid`: which parts of a SETATTR are meant. */
export const setattrBits = {
  MODE: 1 << 0,
  UID: 1 << 1,
  GID: 1 << 2,
  SIZE: 1 << 3,
  ATIME: 1 << 4,
  MTIME: 1 << 5,
  FH: 1 << 6,
  ATIME_NOW: 1 << 7,
  MTIME_NOW: 1 << 8,
} as const;

/** open(2)'s flags, as Linux numbers them on every architecture that Node runs on. */
export const openBits = {
  ACCMODE: 0o3,
  WRONLY: 0o1,
  RDWR: 0o2,
  EXCL: 0o200,
  TRUNC: 0o1000,
  APPEND: 0o2000,
} as const;

/** `open_out.open_flags`. */
export const openReplyBits = { DIRECT_IO: 1 << 0, KEEP_CACHE: 1 << 1 } as const;

export const getattrHandle = 1 << 0;
export const writeFromCache = 1 << 0;
export const fsyncDataOnly = 1 << 0;

/** rename(2)'s flags. */
export const renameBits = { NOREPLACE: 1 << 0, EXCHANGE: 1 << 1, WHITEOUT: 1 << 2 } as const;

/** lseek(2)'s whence, the two that the kernel asks about. */
export const seekWhence = { DATA: 3, HOLE: 4 } as const;

/** The type in `st_mode`. */
export const modeType = { MASK: 0o170000, FILE: 0o100000, FOLDER: 0o040000 } as const;
export const permissionMask = 0o7777;
