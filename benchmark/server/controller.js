import { Controller, Get, Post } from '@nestjs/common';
import { dataOf, HUGE_SIZE, LARGE_SIZE, sessionData } from '../session-data.js';
import { nextUser } from './users.js';

/** What bare Nest uses in place of a session. */
const standIn = sessionData();

/**
 * How users sign in and out.
 *
 * @typedef {object} Signing
 * @property {() => ParameterDecorator} [subject] the decorator that gives what the functions are called with
 * @property {(subject: object, userId: string) => Promise<void>} login into a new session, with the data of this one
 * @property {(subject: object) => Promise<void>} logout
 *
 * @type {Signing}
 */
const NO_SIGNING = { login: async () => {}, logout: async () => {} };

/**
 * The handlers that all contenders share.
 *
 * @param {(() => ParameterDecorator) | undefined} parameter the decorator that gives the session;
 *   without one Nest passes nothing, and the defaults below take its place at no cost
 * @param {Signing} [signing] bare Nest has nobody to sign in
 */
export function controllerWith(parameter, { subject, login, logout } = NO_SIGNING) {
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

    seedHuge(session = standIn) {
      Object.assign(session, sessionData(HUGE_SIZE));
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

    async login(given) {
      await login(given, nextUser());
      return { ok: true };
    }

    async logout(given) {
      await logout(given);
      return { ok: true };
    }
  }

  // Plain JavaScript has no parameter decorators yet; this is what TypeScript makes of them.
  const { prototype } = BenchmarkController;
  const route = (decorator, name) => decorator(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
  for (const name of ['plain', 'read', 'data']) route(Get(name), name);
  for (const name of ['seed', 'seedLarge', 'seedHuge', 'write', 'login', 'logout']) route(Post(name), name);
  const withSession = ['seed', 'seedLarge', 'seedHuge', 'read', 'write', 'data'];
  if (parameter !== undefined) for (const name of withSession) parameter()(prototype, name, 0);
  if (subject !== undefined) for (const name of ['login', 'logout']) subject()(prototype, name, 0);
  Controller()(BenchmarkController);
  return BenchmarkController;
}
