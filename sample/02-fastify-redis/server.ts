import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';

// One process of the application. In production this is what runs, as often as there is work for it.
const port = Number(process.env.PORT || 3000);
const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), {
  logger: ['error', 'warn'],
});
app.enableShutdownHooks();

// A connection that is kept alive after its last answer would hold up the end until it times out.
let isEnding = false;
app
  .getHttpAdapter()
  .getInstance()
  .addHook('preClose', async () => {
    isEnding = true;
  })
  .addHook('onSend', async (_request, reply) => {
    if (isEnding) reply.header('Connection', 'close');
  });

try {
  await app.listen(port, process.env.HOST || '127.0.0.1');
  // Without the launcher nobody would end this process.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.send?.('listening');
} catch (error) {
  const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
  console.error(isTaken ? `Port ${port} is in use. Set PORT to another one.` : error);
  await app.close();
  process.exitCode = 1;
}
