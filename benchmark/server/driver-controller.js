import { Controller, Get, Post } from '@nestjs/common';
import { sessionData } from '../session-data.js';

const standIn = sessionData();

/**
 * The same answers without a session, but with the driver's commands that one would need at least.
 *
 * @param {() => Promise<unknown>} get
 * @param {(text: string) => Promise<unknown>} set
 */
export async function driverController(get, set) {
  const text = JSON.stringify(standIn);

  class DriverController {
    async read() {
      await get();
      return { count: standIn.count };
    }

    async write() {
      await get();
      standIn.count += 1;
      await set(text);
      return { count: standIn.count };
    }
  }

  const { prototype } = DriverController;
  Get('read')(prototype, 'read', Object.getOwnPropertyDescriptor(prototype, 'read'));
  Post('write')(prototype, 'write', Object.getOwnPropertyDescriptor(prototype, 'write'));
  Controller()(DriverController);
  await set(text);
  return DriverController;
}
