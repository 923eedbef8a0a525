import { Module } from '@nestjs/common';
import { AccountsService } from './accounts.service.js';
import { DevicesController } from './devices.controller.js';
import { PasswordHasher } from './password-hasher.js';
import { SignInController } from './sign-in.controller.js';

@Module({
  controllers: [SignInController, DevicesController],
  providers: [AccountsService, PasswordHasher],
})
export class AccountsModule {}
