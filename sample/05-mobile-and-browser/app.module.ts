import { Module } from '@nestjs/common';
import { SessionModule } from 'nestjs-token-session';
import { AccountController } from './account.controller.js';
import { AccountsService } from './accounts.service.js';
import { LIMITS, transport } from './clients.js';

@Module({
  imports: [
    SessionModule.forRoot({
      transport,
      ...LIMITS.app,
      // The list shows the last use to within an hour; a tenth of 90 days would be nine. A browser's is 3 minutes.
      touchInterval: '1h',
      maxPerUser: 10,
    }),
  ],
  controllers: [AccountController],
  providers: [AccountsService],
})
export class AppModule {}
