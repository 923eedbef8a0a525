import { Module } from '@nestjs/common';
import { cookie, header, SessionModule } from 'nestjs-token-session';
import { SessionSocketsModule } from 'nestjs-token-session/websockets';
import { AccountController } from './account.controller.js';
import { AccountsService } from './accounts.service.js';
import { ChatGateway } from './chat.gateway.js';

const isProduction = process.env['NODE_ENV'] === 'production';

@Module({
  imports: [
    SessionModule.forRoot({
      // Browsers have a cookie; scripts may hold a token. The sample runs on plain http, production behind TLS.
      transport: [isProduction ? cookie() : cookie({ secure: 'auto', name: 'sid' }), header()],
    }),
    SessionSocketsModule.forRoot({ anonymous: 'refuse' }),
  ],
  controllers: [AccountController],
  providers: [AccountsService, ChatGateway],
})
export class AppModule {}
