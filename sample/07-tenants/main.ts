import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { welcome } from './welcome.js';

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
app.enableShutdownHooks();

// On PORT; without it on 3000, or on a free port where that one is taken.
const { PORT, HOST = '127.0.0.1' } = process.env;
await app.listen(Number(PORT || 3000), HOST).catch((error: unknown) => {
  if (PORT || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
  return app.listen(0, HOST);
});
console.log(welcome(await app.getUrl()));
