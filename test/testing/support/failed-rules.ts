import { describeSessionStore, type OpenStore, type StoreCapabilities } from 'nestjs-token-session/testing';

export interface RuleTest {
  readonly title: string;
  readonly run: () => Promise<void>;
}

/** The rules that a store is held to, with their tests. */
export function rulesFor(open: OpenStore, capabilities: StoreCapabilities): RuleTest[] {
  const rules: RuleTest[] = [];
  describeSessionStore('a store', open, capabilities, {
    describe: (_name, body) => body(),
    it: (title, run) => void rules.push({ title, run }),
  });
  return rules;
}

/** A rule's title without the seed of its random choices. */
export function unseeded(title: string): string {
  return title.replace(/ \(seed \d+\)$/, '');
}

/** What these rules fail with, by title. */
export async function failedRules(rules: readonly RuleTest[]): Promise<Map<string, Error>> {
  const failed = new Map<string, Error>();
  for (const { title, run } of rules)
    await run().catch((error: unknown) => failed.set(unseeded(title), error as Error));
  return failed;
}
