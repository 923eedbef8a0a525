// One process of an application with its sessions in Redis, for tests of several: session-process.js <driver> <url>
// <platform>. Uses the built package. Says its port on a line, and ends when its input does.
import 'reflect-metadata';
import { Controller, Module, Param, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Redis as IoRedis6 } from 'ioredis';
import { Redis as IoRedis5 } from 'ioredis-5';
import { Redis as Valkey } from 'iovalkey';
import { Session, SessionModule, SessionService } from 'nestjs-token-session';
import { RedisStore } from 'nestjs-token-session/redis';
import { createClient as createClient6 } from 'redis';
import { createClient as createClient5 } from 'redis-5';

const [, , driver, url, platform] = process.argv;

/** node-redis has no listener for 'error' here: that must not end the process. */
async function nodeRedis(client) {
  await client.connect();
  return client;
}

/** Without a listener these only write to the console. */
function ioredis(client) {
  return client.on('error', () => undefined);
}

const CLIENTS = {
  'node-redis 5': () => nodeRedis(createClient5({ url })),
  'node-redis 6': () => nodeRedis(createClient6({ url })),
  'ioredis 5': () => ioredis(new IoRedis5(url)),
  'ioredis 6': () => ioredis(new IoRedis6(url)),
  iovalkey: () => ioredis(new Valkey(url)),
};

const OPERATIONS = {
  plain: () => null,
  read: (session) => ({ ...session }),
  'is-there': (session) => !session.isNew,
  count: (session, _name, sessions) => sessions.update(session, (draft) => (draft.count = (draft.count ?? 0) + 1)),
  mark: (session, name) => {
    session[name] = true;
  },
  login: async (session, name, sessions) => {
    await sessions.login(session, name);
  },
  logout: (session, _name, sessions) => sessions.destroy(session),
  list: async (_session, name, sessions) => (await sessions.list(name)).length,
  'destroy-all': (_session, name, sessions) => sessions.destroyAll(name),
};

class ProcessController {
  constructor(sessions) {
    this.sessions = sessions;
  }

  async run(session, operation, name) {
    return { result: (await OPERATIONS[operation](session, name, this.sessions)) ?? null };
  }
}

// Plain JavaScript has no parameter decorators yet; this is what TypeScript makes of them.
const { prototype } = ProcessController;
Session()(prototype, 'run', 0);
Param('operation')(prototype, 'run', 1);
Param('name')(prototype, 'run', 2);
Post(':operation/:name')(prototype, 'run', Object.getOwnPropertyDescriptor(prototype, 'run'));
Controller()(ProcessController);
Reflect.defineMetadata('design:paramtypes', [SessionService], ProcessController);

class AppModule {}
Module({
  imports: [
    SessionModule.forRoot(new RedisStore({ client: await CLIENTS[driver]() }), {
      storeTimeout: 500,
      logger: { warn: () => undefined, error: () => undefined },
    }),
  ],
  controllers: [ProcessController],
})(AppModule);

const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
const app = await NestFactory.create(AppModule, adapter, { logger: false });
await app.listen(0, '127.0.0.1');
console.log(await app.getUrl());
process.stdin.on('end', () => process.exit(0)).resume();
