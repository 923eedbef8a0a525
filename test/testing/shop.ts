import { Body, Controller, Get, Post, type INestApplication, type ModuleMetadata } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import {
  RequireLogin,
  Session,
  SessionModule,
  SessionService,
  UserId,
  type SessionOptions,
} from 'nestjs-token-session';
import request from 'supertest';
import { SILENT } from '../support/app.js';
import { createAdapter, type Platform } from '../support/platforms.js';

interface Shop {
  cart: string[];
  theme: string;
}

@Controller()
class ShopController {
  constructor(private readonly sessions: SessionService) {}

  @Get('cart')
  cart(@Session() sess: Session<Shop>): string[] {
    return sess.cart ?? [];
  }

  @Post('cart')
  add(@Session() sess: Session<Shop>, @Body() { item }: { item: string }): string[] {
    return (sess.cart = [...(sess.cart ?? []), item]);
  }

  @Post('theme')
  theme(@Session() sess: Session<Shop>, @Body() { theme }: { theme: string }): string {
    return (sess.theme = theme);
  }

  @RequireLogin()
  @Get('me')
  me(@UserId() user: string): { user: string } {
    return { user };
  }

  @RequireLogin({ level: 2 })
  @Get('vault')
  vault(): string {
    return 'open';
  }

  @Post('login')
  async login(@Session() sess: Session, @Body() { user }: { user: string }): Promise<void> {
    await this.sessions.login(sess, user);
  }

  @Post('logout')
  logout(@Session() sess: Session): Promise<void> {
    return this.sessions.destroy(sess);
  }
}

const open = new Set<INestApplication>();

/** A shop as a user of the package has it in a test: not listening. */
export async function openShop(
  platform: Platform,
  session: SessionOptions = {},
  imports?: ModuleMetadata['imports'],
): Promise<INestApplication> {
  const testing = await Test.createTestingModule({
    imports: imports ?? [SessionModule.forRoot({ logger: SILENT, ...session })],
    controllers: [ShopController],
  }).compile();
  const app = testing.createNestApplication(createAdapter(platform) as never, { logger: false });
  await app.init();
  if (platform === 'fastify') await (app as NestFastifyApplication).getHttpAdapter().getInstance().ready();
  open.add(app);
  return app;
}

export async function closeShops(): Promise<void> {
  await Promise.all([...open].map((app) => app.close()));
  open.clear();
}

export interface Sent {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: unknown;
}

/** The ways in which tests of applications make requests. */
export const CLIENTS: [string, Platform, Send][] = [
  ['supertest on express', 'express', bySupertest],
  ['supertest on fastify', 'fastify', bySupertest],
  ['inject on fastify', 'fastify', byInject],
];

export type Send = (
  app: INestApplication,
  method: 'GET' | 'POST',
  path: string,
  headers?: Record<string, string>,
  body?: object,
) => Promise<Sent>;

export async function bySupertest(...[app, method, path, headers = {}, body]: Parameters<Send>): Promise<Sent> {
  const server = request(app.getHttpServer() as never);
  const sent = (method === 'GET' ? server.get(path) : server.post(path)).set(headers);
  const answer = await (body === undefined ? sent : sent.send(body));
  return { status: answer.status, headers: answer.headers, body: answer.body as unknown };
}

async function byInject(...[app, method, url, headers = {}, payload]: Parameters<Send>): Promise<Sent> {
  const answer = await (app as NestFastifyApplication).inject({
    method,
    url,
    headers,
    ...(payload !== undefined && { payload }),
  });
  const body: unknown = answer.body.startsWith('{') || answer.body.startsWith('[') ? answer.json() : answer.body;
  return { status: answer.statusCode, headers: answer.headers as Sent['headers'], body };
}
