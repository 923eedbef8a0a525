import type { INestApplication } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';

/** The platforms that every behaviour is tested on: `describe.each(PLATFORMS)('%s', (platform) => …)`. */
export const PLATFORMS = ['express', 'fastify'] as const;
export type Platform = (typeof PLATFORMS)[number];

export function createAdapter(platform: Platform): ExpressAdapter | FastifyAdapter {
  return platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
}

/** What tests need of an application: where it listens, and its parts. */
export interface RunningApp {
  readonly app: INestApplication;
  readonly url: string;
  get<T>(token: abstract new (...args: never[]) => T): T;
  close(): Promise<void>;
}
