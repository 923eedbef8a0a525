import { Controller, Get, Post } from '@nestjs/common';
import { sessionData } from '../session-data.js';

const standIn = sessionData();

/** The same answers without a session, but with the driver's commands that one would need at least. */
export function driverController(client, key) {
  const text = JSON.stringify(standIn);
  const expiration = { type: 'PX', value: 30 * 60_000 };
  const set = () => client.set(key, text, { expiration });

  class DriverController {
    async read() {
      await client.get(key);
      return { count: standIn.count };
    }

    async write() {
      await client.get(key);
      standIn.count += 1;
      await set();
      return { count: standIn.count };
    }
  }

  const { prototype } = DriverController;
  Get('read')(prototype, 'read', Object.getOwnPropertyDescriptor(prototype, 'read'));
  Post('write')(prototype, 'write', Object.getOwnPropertyDescriptor(prototype, 'write'));
  Controller()(DriverController);
  return set().then(() => DriverController);
}
