import { REQUEST, type RequestWithSession } from '../session.request.js';

/**
 * `session` on Node's and Express's requests. An accessor, so that a session is decoded when it is
 * first used; assignable, because Passport and others assign it. Not enumerable: copying a request
 * must not open its session.
 */
export const SESSION_PROPERTY: PropertyDescriptor & ThisType<RequestWithSession> = {
  configurable: true,
  enumerable: false,
  get() {
    return this[REQUEST]?.session;
  },
  set(value) {
    const request = this[REQUEST];
    if (request !== undefined) request.session = value as never;
  },
};
