import { Module } from '@nestjs/common';
import { SessionModule } from 'nestjs-token-session';
import { RedisStore } from 'nestjs-token-session/redis';
import { AccountsController } from './accounts/accounts.controller.js';
import { AccountsService } from './accounts/accounts.service.js';
import { REDIS, RedisModule, type Redis } from './redis/redis.module.js';
import { ViewsController } from './views.controller.js';

@Module({
  imports: [
    SessionModule.forRootAsync({
      imports: [RedisModule],
      inject: [REDIS],
      useFactory: (client: Redis) => ({
        store: new RedisStore({ client, prefix: 'scale-out:' }),
        // A sixth sign-in of a user ends the session that was used longest ago, on whichever process.
        maxPerUser: 5,
      }),
    }),
  ],
  controllers: [AccountsController, ViewsController],
  providers: [AccountsService],
})
export class AppModule {}
