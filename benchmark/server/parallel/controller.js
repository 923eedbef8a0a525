import { promisify } from 'node:util';
import { Controller, Get, Param, Post } from '@nestjs/common';
import { KEYS, LATE } from '../../parallel/keys.js';
import { dataOf, FIRST_COUNT, sessionData } from '../../session-data.js';
import { Barrier } from './barrier.js';

/** The one that handlers wait at now. */
let barrier;

/** What the parent asks of it. */
export const barrierAnswers = {
  raise: (wanted) => void (barrier = new Barrier(wanted)),
  full: () => barrier.full(),
  open: () => barrier.open(),
};

/**
 * The handlers of requests that meet.
 *
 * @param {() => ParameterDecorator} parameter gives the session
 */
export function parallelController(parameter) {
  class ParallelController {
    seed(session) {
      Object.assign(session, sessionData());
      return { ok: true };
    }

    /** Has its session before the barrier, and changes it behind. */
    async change(session, key) {
      if (session.count !== FIRST_COUNT) throw new Error('There is no session to change.');
      await barrier.pass();
      session[key] = true;
      return { ok: true };
    }

    /** All contenders take a callback. */
    async logout(session) {
      await promisify((done) => session.destroy(done))();
      return { ok: true };
    }

    /** What is stored: the data that it began with, and the keys that are there. */
    found(session) {
      return { data: dataOf(session), keys: [...KEYS, LATE].filter((key) => session[key] === true) };
    }
  }

  const { prototype } = ParallelController;
  const route = (decorator, name) => {
    decorator(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
    parameter()(prototype, name, 0);
  };
  route(Get('found'), 'found');
  route(Post('change/:key'), 'change');
  for (const name of ['seed', 'logout']) route(Post(name), name);
  Param('key')(prototype, 'change', 1);
  Controller()(ParallelController);
  return ParallelController;
}
