import { Keyv } from 'keyv';
import { keyvStore } from 'nestjs-token-session/keyv';
import { describeSessionStore } from 'nestjs-token-session/testing';
import { Backend } from './backends.js';

describeSessionStore(
  'keyv 5 on an asynchronous backend',
  () => keyvStore(new Keyv(new Backend() as never)),
  { contract: 'simple', expiresByItself: true },
  { describe, it },
);

describeSessionStore(
  'keyv 5 in memory, without serializer',
  () => keyvStore(new Keyv({ serialize: undefined as never, deserialize: undefined as never })),
  { contract: 'simple', expiresByItself: true },
  { describe, it },
);
