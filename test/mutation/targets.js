const unit = (...names) => names.map((name) => `lib/${name}.spec.ts`);
const e2e = (...names) => names.map((name) => `test/e2e/${name}.spec.ts`);

/** What is changed, and the specs that must notice: those that say what the file is for, the quickest first. */
export const TARGETS = {
  'lib/session.ts': e2e('session-object', 'session-service', 'data'),
  'lib/session.middleware.ts': [...e2e('connect'), ...unit('stores/memory.store')],
  'lib/session-token.ts': [...unit('session-token'), ...e2e('token-randomness', 'session-object')],
  'lib/session.service.ts': e2e(
    'session-service',
    'device-list',
    'step-up',
    'login-refusals',
    'stored-garbage',
    'sign-out-everyone',
  ),
  'lib/stores/memory.store.ts': [...unit('stores/memory.store'), 'test/stores/atomic-stores.spec.ts'],
  'lib/transports/bearer.transport.ts': e2e('bearer-transport', 'header-transport', 'transports'),
  'lib/transports/cookie-attributes.ts': [
    ...unit('transports/cookie-attributes'),
    ...e2e('signed-cookies', 'cookie-transport'),
  ],
  'lib/transports/cookie-signature.ts': [...unit('transports/cookie-signature'), ...e2e('signed-cookies')],
  'lib/transports/cookie.transport.ts': [
    ...unit('transports/cookie-attributes'),
    ...e2e('cookie-transport', 'signed-cookies', 'proxy', 'transports', 'login-clocks'),
    'test/peers/express-stores/shared-options.spec.ts',
  ],
  'lib/transports/csrf.ts': [...unit('transports/cookie-attributes'), ...e2e('csrf')],
  'lib/transports/header.transport.ts': e2e('header-transport', 'transports'),
  'lib/transports/transport-plan.ts': [...unit('session.options'), ...e2e('transports')],
};
