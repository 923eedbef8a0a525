// One contender in a process of its own: node main.js <name> [port of the backend], driven by messages of its parent.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CONTENDERS } from '../contenders.js';
import { answerParent } from '../processes.js';
import { controllerWith } from './controller.js';
import { heapAnswers } from './heap.js';
import { startProfile, stopProfile } from './profiler.js';

const { platform, layer } = CONTENDERS.find(({ name }) => name === process.argv[2]);
const {
  imports,
  parameter,
  mount,
  controller = controllerWith(parameter),
  answers,
} = await import(`./layers/${layer}.js`);

class AppModule {}
Module({ imports, controllers: [controller] })(AppModule);

const app = await NestFactory.create(AppModule, await adapterOf(platform), { logger: false });
await mount?.(app);
await app.listen(0, '127.0.0.1');

answerParent({
  port: () => app.getHttpServer().address().port,
  cpu: () => process.cpuUsage(),
  startProfile,
  stopProfile,
  ...heapAnswers,
  ...answers,
});

async function adapterOf(name) {
  if (name === 'fastify') return new (await import('@nestjs/platform-fastify')).FastifyAdapter();
  return new (await import('@nestjs/platform-express')).ExpressAdapter();
}
