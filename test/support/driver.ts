/** The driver that this run of the mounted tests is about, and what it can: tests ask here which behaviour is the documented one. */
import { z } from 'zod';
import { capabilities, driverNames } from '../../src/fuse/drivers.js';

export const driver = z.enum(driverNames).parse(process.env['AMARRE_TEST_DRIVER'] ?? 'kernel');
export const can = capabilities[driver];
