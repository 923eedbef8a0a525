import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { SessionModule } from 'nestjs-token-session';
import { AccountController } from './account.controller.js';
import { AccountsService } from './accounts.service.js';
import { sessionOptions } from './session-options.js';
import { TenantGuard } from './tenant.js';

@Module({
  imports: [SessionModule.forRoot(sessionOptions)],
  controllers: [AccountController],
  providers: [AccountsService, { provide: APP_GUARD, useClass: TenantGuard }],
})
export class AppModule {}
