import fc from 'fast-check';
import { everyOrder, type Access, type Pick } from '../support/orders.js';
import { ALL, Stage } from '../support/stage.js';

/** A step of a program: it reads a variable, or writes its own label into it. */
interface Step {
  readonly mode: 'read' | 'write';
  readonly name: string;
}

const step = fc.record({ mode: fc.constantFrom('read' as const, 'write' as const), name: fc.constantFrom('x', 'y') });
const programs = fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 3 });

/** What the steps are said to have to do with. */
type Told = (step: Step) => readonly Access[];

const exactly: Told = (step) => [step];
const everything: Told = () => ALL;

/** What programs leave and what they have read, in one order. */
async function outcome(of: readonly (readonly Step[])[], pick: Pick, accesses: Told): Promise<string | undefined> {
  const stage = new Stage();
  const variables: Record<string, string> = {};
  const read: Record<string, string | undefined> = {};
  const running = of.map((steps, program) => async () => {
    for (const [number, { mode, name }] of steps.entries()) {
      const label = `${String(program)}.${String(number)}`;
      await stage.step(mode, accesses({ mode, name }), () => {
        if (mode === 'write') variables[name] = label;
        else read[label] = variables[name];
      });
    }
  });
  if (!(await stage.run(running, pick, undefined, () => undefined))) return undefined;
  const sorted = (record: object): unknown[] => Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([sorted(variables), sorted(read)]);
}

async function outcomes(of: readonly (readonly Step[])[], accesses: Told): Promise<{ all: string[]; orders: number }> {
  const all = new Set<string>();
  const orders = await everyOrder(async (pick) => {
    const result = await outcome(of, pick, accesses);
    if (result !== undefined) all.add(result);
    return result !== undefined;
  });
  return { all: [...all].sort(), orders };
}

describe('the orders that are played', () => {
  it('are all that there are, where each step has to do with each', async () => {
    const two: Step = { mode: 'write', name: 'x' };
    expect((await outcomes([[two, two], [two, two, two], [two]], everything)).orders).toBe(60);
  });

  it('are few where steps have nothing to do with each other', async () => {
    const on = (name: string): Step[] => [
      { mode: 'write', name },
      { mode: 'read', name },
    ];
    expect((await outcomes([on('x'), on('y'), on('z')], exactly)).orders).toBe(1);
    expect((await outcomes([on('x'), on('y'), on('x')], exactly)).orders).toBe(4);
  });

  it('leave outcomes out where steps do not tell what they have to do with', async () => {
    const of: Step[][] = [[{ mode: 'write', name: 'x' }], [{ mode: 'read', name: 'x' }]];
    expect((await outcomes(of, () => [])).all).toHaveLength(1);
    expect((await outcomes(of, everything)).all).toHaveLength(2);
  });

  it('leave no outcome out', async () => {
    await fc.assert(
      fc.asyncProperty(programs, async (of) => {
        const reduced = await outcomes(of, exactly);
        const full = await outcomes(of, everything);
        expect(reduced.all).toEqual(full.all);
        expect(reduced.orders).toBeLessThanOrEqual(full.orders);
      }),
      { numRuns: 30 },
    );
  });
});
