let last = 0;

/** The id of a user who has no session yet, as long as the one in the session's data. */
export const nextUser = () => `7f0c2b9e-3d41-4c55-9c0e-${String(++last).padStart(12, '0')}`;
