/** Nest without sessions: what all others are measured against. */
export const imports = [];
export const parameter = undefined;
export const mount = undefined;
