import type { ModuleMetadata } from '@nestjs/common';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule, type GqlModuleOptions } from '@nestjs/graphql';
import type { MercuriusDriverConfig } from '@nestjs/mercurius';
import { SessionModule, type SessionOptions } from 'nestjs-token-session';
import { SILENT, startApp, type AppPlan } from '../../support/app.js';
import { call, type Answer, type CallOptions } from '../../support/client.js';
import type { Platform, RunningApp } from '../../support/platforms.js';
import { MercuriusDriver } from './mercurius.js';

/** The servers that every behaviour is tested on: `describe.each(SERVERS)('%s', (server) => …)`. */
export const SERVERS = ['Apollo on Express', 'Apollo on Fastify', 'Mercurius on Fastify'] as const;
export type Server = (typeof SERVERS)[number];

export interface GraphqlPlan {
  /** Resolvers, and what they inject. */
  providers: NonNullable<ModuleMetadata['providers']>;
  session?: SessionOptions;
  /** Modules besides. */
  imports?: NonNullable<ModuleMetadata['imports']>;
  /** For all drivers; each has options of its own besides. */
  graphql?: GqlModuleOptions;
  apollo?: Partial<ApolloDriverConfig>;
  mercurius?: Partial<MercuriusDriverConfig>;
  prepare?: AppPlan['prepare'];
}

/** Starts a real application with a GraphQL endpoint at /graphql. Ends with the test: see `closeApps`. */
export function startGraphql(server: Server, plan: GraphqlPlan): Promise<RunningApp> {
  const platform: Platform = server === 'Apollo on Express' ? 'express' : 'fastify';
  const driver: GqlModuleOptions =
    server === 'Mercurius on Fastify'
      ? ({ driver: MercuriusDriver, allowBatchedQueries: true, ...plan.mercurius } as MercuriusDriverConfig)
      : ({
          driver: ApolloDriver,
          allowBatchedHttpRequests: true,
          graphiql: false,
          ...plan.apollo,
        } as ApolloDriverConfig);
  return startApp(platform, {
    controllers: [],
    providers: plan.providers,
    imports: [
      SessionModule.forRoot({ logger: SILENT, ...plan.session }),
      GraphQLModule.forRoot({ autoSchemaFile: true, ...plan.graphql, ...driver }),
      ...(plan.imports ?? []),
    ],
    ...(plan.prepare !== undefined && { prepare: plan.prepare }),
  });
}

/** What a GraphQL client sees. */
export interface Result {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { message: string; path?: string[]; extensions?: Record<string, unknown> }[];
}

/** Posts one operation, or an array of them. */
export function post(url: string, query: string | readonly string[], options: CallOptions = {}): Promise<Answer> {
  const body = typeof query === 'string' ? { query } : query.map((each) => ({ query: each }));
  return call(url, '/graphql', { method: 'POST', body, ...options });
}

/** What an answer has for a GraphQL client. */
export function resultOf(answer: Answer): Result {
  return answer.json() as Result;
}

/** Posts one operation that has to succeed; its data. */
export async function ask(url: string, query: string, token?: string): Promise<Record<string, unknown>> {
  const answer = await post(url, query, { token });
  expect({ status: answer.status, ...resultOf(answer) }).toEqual({ status: 200, data: expect.anything() });
  return resultOf(answer).data as Record<string, unknown>;
}
