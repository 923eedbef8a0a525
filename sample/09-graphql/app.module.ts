import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Module } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { SessionModule } from 'nestjs-token-session';
import { AccountResolver } from './account.resolver.js';
import { AccountsService } from './accounts.service.js';
import { CartResolver } from './cart.resolver.js';

@Module({
  imports: [
    SessionModule.forRoot(),
    // The context is left to Nest, which puts the request into it: that is all the session layer needs.
    GraphQLModule.forRoot<ApolloDriverConfig>({
      driver: ApolloDriver,
      autoSchemaFile: true,
      allowBatchedHttpRequests: true,
      includeStacktraceInErrorResponses: false,
    }),
  ],
  providers: [AccountsService, AccountResolver, CartResolver],
})
export class AppModule {}
