import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { AppModule, SETTINGS } from './app.module.js';
import { before } from './before.js';
import type { Settings } from './shared.js';
import { welcome } from './welcome.js';

// Both in one process, to try it. In production these are deployments of two applications, side by side.
const after = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
after.enableShutdownHooks();
const old = before(after.get<Settings>(SETTINGS));

// On PORT and the next one; without PORT on 3000 and 3001, or on free ports where those are taken.
const { PORT, HOST = '127.0.0.1' } = process.env;
const first = Number(PORT || 3000);

async function listen(start: (port: number) => Promise<unknown>, port: number): Promise<void> {
  await start(port).catch((error: unknown) => {
    if (PORT || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return start(0);
  });
}

let server: Server | undefined;
await listen((port) => once((server = old.listen(port, HOST)), 'listening'), first);
await listen((port) => after.listen(port, HOST), first && first + 1);
const { port } = server?.address() as AddressInfo;
console.log(welcome(`http://${HOST}:${port}`, await after.getUrl()));
