import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type } from 'arktype';
import {
  MemoryStore,
  session,
  SessionModule,
  type SessionService,
  type InferSession,
  type Session,
  type SessionOptions,
  type SessionSchema,
} from 'nestjs-token-session';
import * as v from 'valibot';
import { z } from 'zod';

const byZod = z.object({ views: z.number(), theme: z.enum(['light', 'dark']).default('light') });
const byValibot = v.object({ views: v.number(), theme: v.optional(v.picklist(['light', 'dark']), 'light') });
const byArktype = type({ views: 'number', theme: "'light' | 'dark' = 'light'" });

/** What all three say. */
interface Data {
  views: number;
  theme: 'light' | 'dark';
}

type Same<A, B> = [A, B] extends [B, A] ? true : false;

export const same: [
  Same<InferSession<typeof byZod>, { views: number; theme: 'light' | 'dark' }>,
  Same<InferSession<typeof byValibot>, { views: number; theme: 'light' | 'dark' }>,
  Same<InferSession<typeof byArktype>, { views: number; theme: 'light' | 'dark' }>,
] = [true, true, true];

/** A schema types the data of one handler … */
export function views(sess: Session<InferSession<typeof byZod>>): Data['theme'] | undefined {
  sess.views = (sess.views ?? 0) + 1;
  // @ts-expect-error another type
  sess.views = 'many';
  // @ts-expect-error no such key
  sess.veiws = 1;
  // @ts-expect-error a session may not have it yet
  sess.views.toFixed();
  return sess.theme;
}

/** … and its name in `keep`, and the draft of `update`. */
export async function service(sessions: SessionService, sess: Session<InferSession<typeof byValibot>>): Promise<void> {
  await sessions.update(sess, (draft) => {
    draft.theme = 'dark';
    // @ts-expect-error not one of the values
    draft.theme = 'blue';
  });
  await sessions.login(sess, 'ada', { keep: ['views'] });
  // @ts-expect-error keep names keys of the data
  await sessions.login(sess, 'ada', { keep: ['veiws'] });
}

/** Augmented with the type of a schema, which is what all sessions are then. */
export interface Augmented extends InferSession<typeof byArktype> {
  more?: boolean;
}
export const augmented: Augmented = { views: 1, theme: 'dark' };

/** What Standard Schema itself declares is a schema here. */
declare const standard: StandardSchemaV1<unknown, Data>;
export const schemas: SessionSchema[] = [byZod, byValibot, byArktype, standard];

const store = new MemoryStore();
SessionModule.forRoot(store, { schema: byZod });
SessionModule.forRoot(store, { schema: byValibot, onDataMismatch: 'discard' });
SessionModule.forRoot({ schema: byArktype, migrate: () => ({ views: 1 }) });
// What the schema fills in may be missing.
SessionModule.forRoot(store, { schema: byZod, migrate: (old) => ({ views: Number(old['count']) }) });
// TypeScript widens literals that a function gives, unless it says what it gives.
SessionModule.forRoot(store, {
  schema: byValibot,
  migrate: (): InferSession<typeof byValibot> => ({ views: 1, theme: 'dark' }),
});
session({ schema: byZod, migrate: () => ({ views: 1 }) });
SessionModule.forRootAsync({ useFactory: () => ({ schema: byZod, migrate: () => ({ views: 1 }) }) });
SessionModule.forRootAsync({
  useFactory: () =>
    ({ schema: byZod, migrate: (old) => ({ views: Number(old['count']) }) }) satisfies SessionOptions<typeof byZod>,
});

// @ts-expect-error what migrate gives lacks a key
SessionModule.forRoot(store, { schema: byZod, migrate: () => ({ theme: 'dark' }) });
// @ts-expect-error another type
SessionModule.forRoot(store, { schema: byArktype, migrate: () => ({ views: 'many' }) });
// @ts-expect-error a promise comes too late
SessionModule.forRoot(store, { schema: byZod, migrate: () => Promise.resolve({ views: 1 }) });
// @ts-expect-error nothing is no data
SessionModule.forRoot(store, { schema: byZod, migrate: () => undefined });
// @ts-expect-error what is old may be anything
SessionModule.forRoot(store, { schema: byZod, migrate: (old: Data) => old });
// @ts-expect-error data are an object
SessionModule.forRoot(store, { schema: z.string() });
// @ts-expect-error a class is no schema
SessionModule.forRoot(store, { schema: MemoryStore });
// @ts-expect-error not one of the values
SessionModule.forRoot(store, { onDataMismatch: 'ignore' });
// @ts-expect-error another type
session({ schema: byZod, migrate: () => ({ views: 'many' }) });
