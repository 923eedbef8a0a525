import { MemoryStore } from 'nestjs-token-session';
import { describeSessionStore } from 'nestjs-token-session/testing';
import { CallbackMapStore, SimpleMapStore } from '../support/stores.js';

const memory = { users: true, sweep: true, count: true, clear: true, sweepBatch: 2_000 };
describeSessionStore('MemoryStore', () => new MemoryStore(), memory, { describe, it });

const simple = { contract: 'simple', users: true, sweep: false, count: false, clear: false } as const;
describeSessionStore('a simple store', () => new SimpleMapStore(), simple, { describe, it });
describeSessionStore('a callback store', () => new CallbackMapStore(), simple, { describe, it });
