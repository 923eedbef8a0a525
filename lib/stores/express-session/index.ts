export { expressStore, type ExpressStoreOptions } from './express-session.js';
export type { ExpressStore } from './express-store.js';
export type { ExpressCookie } from './stored-cookie.js';
