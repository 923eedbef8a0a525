import { Module } from '@nestjs/common';
import { cookie, header, SessionModule, type SessionModuleOptions, type TransportRequest } from 'nestjs-token-session';
import { AccountsModule } from './accounts/accounts.module.js';
import { OPENED_STORE, StoreModule, type OpenedStore } from './store.module.js';
import { ViewsController } from './views.controller.js';

const byHeader = header();
// The sample runs on plain http. Behind TLS, cookie() alone gives the stricter __Host-sid.
const byCookie = cookie({ secure: 'auto' });

export const sessionOptions: SessionModuleOptions = {
  transport: {
    accept: [byHeader, byCookie],
    // Only the page's second card asks for a cookie; curl and everybody else get the token in a header.
    issue: ({ raw }: TransportRequest) => (raw.headers['x-token-in'] === 'cookie' ? byCookie : byHeader),
  },
  // Short, so that there is something to watch. The defaults are 30m and 12h.
  idleTimeout: '5m',
  absoluteTimeout: '1h',
  // "My sessions" shows where each was begun: the address and the browser.
  captureDevice: true,
  // Signing in once more ends the user's session that was used longest ago.
  maxPerUser: 5,
};

@Module({
  imports: [
    SessionModule.forRootAsync({
      imports: [StoreModule],
      inject: [OPENED_STORE],
      useFactory: ({ store }: OpenedStore) => ({ ...sessionOptions, store }),
    }),
    AccountsModule,
  ],
  controllers: [ViewsController],
})
export class AppModule {}
