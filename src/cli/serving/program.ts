/** Where the program lies that serves a mount; `ps` and `amarre umount` know the process by it. */
import { fileURLToPath } from 'node:url';

/** The path of `process.js`. package.json says where it is: this module may lie elsewhere, in one file with others. */
export const servingProgram = fileURLToPath(import.meta.resolve('#serving'));
