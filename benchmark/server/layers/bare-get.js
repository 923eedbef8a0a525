import { client, prefix } from '../driver.js';
import { driverController } from '../driver-controller.js';

/** The driver without sessions: the least that a read or a write with Redis can cost. */
export const imports = [];
export const controller = await driverController(client, `${prefix}session`);
export const mount = undefined;
