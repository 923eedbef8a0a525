import { Module } from '@nestjs/common';
import { cookie, SessionModule } from 'nestjs-token-session';
import { expressStore } from 'nestjs-token-session/express-session';
import { openStore, settingsOf, type Settings, type Shop } from './shared.js';
import { ShopController } from './shop.controller.js';

export const SETTINGS = Symbol('SETTINGS');

@Module({
  providers: [{ provide: SETTINGS, useFactory: () => settingsOf(process.env) }],
  exports: [SETTINGS],
})
class SettingsModule {}

/** After: the same application on Nest, with the same sessions. */
@Module({
  imports: [
    SettingsModule,
    SessionModule.forRootAsync({
      imports: [SettingsModule],
      inject: [SETTINGS],
      useFactory: (settings: Settings) => ({
        store: expressStore(openStore(settings), { rawIds: true, cookie: settings.cookie }),
        transport: cookie({ name: 'connect.sid', secret: settings.secret, ...settings.cookie }),
        // At least the cookie's maxAge of before.
        idleTimeout: '14d',
        absoluteTimeout: '90d',
        // Both sign in by the data, so both know whose a session is.
        userIdOf: (data: Partial<Shop>) => data.userId,
      }),
    }),
  ],
  controllers: [ShopController],
})
export class AppModule {}
