import { Module } from '@nestjs/common';
import { SessionModule } from 'nestjs-token-session';
import { AccountsService } from './accounts.service.js';
import { AuthController } from './auth.controller.js';
import { LocalStrategy } from './local.strategy.js';

@Module({
  // No PassportModule, no passport.session(), no serializer: Passport checks who it is, and the session is ours.
  imports: [SessionModule.forRoot({ captureDevice: true, maxPerUser: 5 })],
  controllers: [AuthController],
  providers: [AccountsService, LocalStrategy],
})
export class AppModule {}
