import { createKeyv, Keyv } from 'keyv-6';
import { keyvStore } from 'nestjs-token-session/keyv';
import { describeSessionStore } from 'nestjs-token-session/testing';
import { Backend } from './backends.js';

describeSessionStore(
  'keyv 6 on an asynchronous backend',
  () => keyvStore(new Keyv(new Backend())),
  { contract: 'simple', expiresByItself: true },
  { describe, it },
);

describeSessionStore(
  'keyv 6 in memory, without serializer',
  () => keyvStore(createKeyv(new Map())),
  { contract: 'simple', expiresByItself: true },
  { describe, it },
);
