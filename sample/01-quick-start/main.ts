import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { configureApp } from './configure-app.js';
import { listen } from './listen.js';
import { sessionFile } from './store.module.js';
import { welcome } from './welcome.js';

const app = configureApp(await NestFactory.create<NestExpressApplication>(AppModule, { logger: ['error', 'warn'] }));

try {
  console.log(welcome(await listen(app, process.env), sessionFile(process.env)));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  await app.close();
  process.exitCode = 1;
}
