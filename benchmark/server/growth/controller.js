import { Controller, Get, Post } from '@nestjs/common';
import { sessionData } from '../../session-data.js';

/** How many users there are to sign in. */
export const population = { users: 1 };

let logins = 0;

/**
 * The handlers of the contenders that grow.
 *
 * @param {() => ParameterDecorator} parameter gives the session
 * @param {(session: object, userId: string, data: object) => Promise<void>} login into a session that has this data
 * @param {(session: object) => Promise<void>} touch
 */
export function growthController(parameter, login, touch) {
  class GrowthController {
    async seed(session) {
      await login(session, 'user 0', sessionData());
      return { ok: true };
    }

    read(session) {
      return { count: session.count };
    }

    write(session) {
      session.count += 1;
      return { count: session.count };
    }

    async touch(session) {
      await touch(session);
      return { ok: true };
    }

    async login(session) {
      // Far apart, and each one once before one comes again.
      const user = 1 + ((++logins * 7_919) % population.users);
      await login(session, `user ${user}`, {});
      return { ok: true };
    }
  }

  const { prototype } = GrowthController;
  const route = (decorator, name) => {
    decorator(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
    parameter()(prototype, name, 0);
  };
  route(Get('read'), 'read');
  for (const name of ['seed', 'write', 'touch', 'login']) route(Post(name), name);
  Controller()(GrowthController);
  return GrowthController;
}
