import { Controller, Get, Post } from '@nestjs/common';
import { dataOf, LARGE_SIZE, sessionData } from '../session-data.js';

/** What bare Nest uses in place of a session. */
const standIn = sessionData();

/**
 * The handlers that all contenders share.
 *
 * @param {(() => ParameterDecorator) | undefined} parameter the decorator that gives the session;
 *   without one Nest passes nothing, and the defaults below take its place at no cost
 */
export function controllerWith(parameter) {
  class BenchmarkController {
    plain() {
      return { ok: true };
    }

    seed(session = standIn) {
      Object.assign(session, sessionData());
      return { ok: true };
    }

    seedLarge(session = standIn) {
      Object.assign(session, sessionData(LARGE_SIZE));
      return { ok: true };
    }

    read(session = standIn) {
      return { count: session.count };
    }

    write(session = standIn) {
      session.count += 1;
      return { count: session.count };
    }

    data(session = standIn) {
      return dataOf(session);
    }
  }

  // Plain JavaScript has no parameter decorators yet; this is what TypeScript makes of them.
  const { prototype } = BenchmarkController;
  const route = (decorator, name) => decorator(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
  for (const name of ['plain', 'read', 'data']) route(Get(name), name);
  for (const name of ['seed', 'seedLarge', 'write']) route(Post(name), name);
  const withSession = ['seed', 'seedLarge', 'read', 'write', 'data'];
  if (parameter !== undefined) for (const name of withSession) parameter()(prototype, name, 0);
  Controller()(BenchmarkController);
  return BenchmarkController;
}
