const sent = { status: 201, token: true, method: 'POST' };

/** What is asked of sessions that are picked at random; see ../workloads.js. */
export const GROWTH_WORKLOADS = [
  {
    ...sent,
    name: 'read',
    method: 'GET',
    path: '/read',
    status: 200,
    label: 'read',
    meaning: 'the handler reads one value of the session; express-session touches it, too',
  },
  { ...sent, name: 'write', path: '/write', label: 'write', meaning: 'the handler counts up one value of the session' },
  { ...sent, name: 'touch', path: '/touch', label: 'touch', meaning: 'the handler touches the session' },
  {
    ...sent,
    name: 'login',
    path: '/login',
    token: false,
    label: 'login',
    meaning: 'one of the users, each with two sessions, signs in; ours keeps an index of them',
  },
];

export const SEED = { ...sent, path: '/seed', token: false };
