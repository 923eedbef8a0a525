import { TestClock } from './clock.js';
import { createRules, loadRules } from './store-rules-create.js';
import { checkAgainstModel } from './store-rules-model.js';
import { repeatRules, resendRules } from './store-rules-resend.js';
import { Subject, type OpenStore, type Rule, type StoreAbilities, type TestRunner } from './store-rules-subject.js';
import { destroyRules, touchRules } from './store-rules-touch.js';
import { timeRules, updateRules } from './store-rules-update.js';
import { valueRules } from './store-rules-values.js';

/**
 * The contract of {@link AtomicSessionStore} as tests: loading, creating, updating, touching and destroying one record.
 * The laws of the session layer rest on it.
 */
export function describeAtomicStore(
  name: string,
  open: OpenStore,
  { describe, it }: TestRunner,
  { resends = false }: StoreAbilities = {},
): void {
  const rule: Rule = (title, test) =>
    it(title, async () => {
      const clock = new TestClock();
      await test(new Subject(await open(clock.now), clock));
    });

  const groups: Record<string, (rule: Rule) => void> = {
    load: loadRules,
    create: createRules,
    update: updateRules,
    touch: touchRules,
    destroy: destroyRules,
    time: timeRules,
    values: valueRules,
    'sent again': repeatRules,
    ...(resends && { 'sent again by the driver': resendRules }),
  };
  for (const [group, rules] of Object.entries(groups)) describe(`${name}: ${group}`, () => rules(rule));

  describe(`${name}: all together`, () => {
    it('random operations give what a simple model gives', () => checkAgainstModel(open));
  });
}
