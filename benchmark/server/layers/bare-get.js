import { client, prefix } from '../driver.js';
import { driverController } from '../driver-controller.js';

const key = `${prefix}session`;
const expiration = { type: 'PX', value: 30 * 60_000 };

/** The driver without sessions: the least that a read or a write with Redis can cost. */
export const imports = [];
export const controller = await driverController(
  () => client.get(key),
  (text) => client.set(key, text, { expiration }),
);
export const mount = undefined;
