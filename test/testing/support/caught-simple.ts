/** Which rules of the simple contract catch which store. */
export const CAUGHT_BY_SIMPLE_RULES = {
  'whose get fails for a missing session': ['get: a session that was never set is missing, and no error'],
  'whose get gives an empty session': ['get: a session that was never set is missing, and no error'],
  'that keeps what is no text as text': ['set: what get gives equals it, also through JSON'],
  'whose set merges': ['set: replaces the whole session, and no other one'],
  'that gives the object itself': ['D42: what is done to a session that get gave changes nothing stored'],
  'whose destroy does nothing': [
    'destroy: then the session is missing, and others are there',
    'destroy: a missing session is destroyed already, and that is no error',
  ],
  'whose destroy fails for a missing session': [
    'destroy: a missing session is destroyed already, and that is no error',
  ],
  'that takes ms for tenths of one': ['ttl: a session is kept as long as it says'],
  'whose ttl counts from the first set': ['ttl: from each set on it counts anew'],
  'whose get fails after the ttl': ['ttl: after it the session is missing or still there, and it can be set again'],
  'that sets timers': ['C48: a ttl of years is no timer that runs out at once'],
  'whose touch creates': ['R59: touch brings no session back, and keeps what is stored'],
  'whose length is always 0': ['length and all: tell of what is there'],
  'whose clear does nothing': ['ASVS 7.4.5: clear removes every session, and may be called again'],
  'that calls back twice': ['F79: every call is answered, once'],
} satisfies Record<string, readonly string[]>;
