/** What a step has to do with something; `*` is all there is. */
export interface Access {
  readonly name: string;
  /** `in turn`: something else sees to it that steps of this kind come in the order of their calls. */
  readonly mode: 'read' | 'write' | 'in turn';
}

/** A step that can be taken now. */
export interface Option {
  /** The same in every order in which its program has come as far as this. */
  readonly label: string;
  readonly program: number;
  /** Steps that have nothing to do with the same things can change places, and so can two reads. */
  readonly accesses: readonly Access[];
}

/** Picks the step that comes next; undefined when all that follows was seen in another order already. */
export type Pick = (options: readonly Option[]) => number | undefined;

/** A point of an order: what could come there, what was tried, what is to be, and what need not be. */
interface Point {
  readonly labels: readonly string[];
  readonly asleep: ReadonlySet<string>;
  readonly tried: string[];
  readonly toTry: Set<string>;
}

/** A step that was taken. */
interface Event {
  readonly option: Option;
  /** The step after which it could be taken first; none at the beginning. */
  readonly cause: number | undefined;
  /** The steps that had to come before it. */
  readonly after: Set<number>;
}

/**
 * Plays once for every order of steps, but for those that differ only in the order of steps that
 * have nothing to do with each other: source sets and sleep sets, as in Abdulla, Aronis, Jonsson and
 * Sagonas, Optimal Dynamic Partial Order Reduction, 2014.
 *
 * @param play gives false when it was told to break off
 * @returns how many orders were played to their end
 */
export async function everyOrder(play: (pick: Pick) => Promise<boolean>): Promise<number> {
  const path: Point[] = [];
  let orders = 0;
  do {
    const events: Event[] = [];
    const since = new Map<string, number>();
    let asleep: ReadonlySet<string> = new Set();
    const wasWhole = await play((options) => {
      const point = (path[events.length] ??= begin(options, asleep));
      const came = options.map(({ label }) => label);
      if (point.labels.join() !== came.join()) {
        throw new Error(`The programs under test are not deterministic: ${point.labels.join()} | ${came.join()}`);
      }
      for (const label of came) if (!since.has(label)) since.set(label, events.length - 1);
      const chosen = point.tried.at(-1);
      if (chosen === undefined) return undefined;
      const index = came.indexOf(chosen);
      const option = options[index] as Option;
      const others = options.filter(({ label }) => point.asleep.has(label) || point.tried.includes(label));
      asleep = new Set(others.filter((other) => isIndependent(other, option)).map(({ label }) => label));
      take(option, since.get(chosen) as number, events, path);
      return index;
    });
    if (wasWhole) orders++;
    while (path.length > 0 && !advance(path.at(-1) as Point)) path.pop();
  } while (path.length > 0);
  return orders;
}

function begin(options: readonly Option[], asleep: ReadonlySet<string>): Point {
  const labels = options.map(({ label }) => label);
  const first = labels.find((label) => !asleep.has(label));
  const point = { labels, asleep, tried: [], toTry: new Set(first === undefined ? [] : [first]) };
  advance(point);
  return point;
}

function advance({ asleep, tried, toTry }: Point): boolean {
  const next = [...toTry].find((label) => !asleep.has(label) && !tried.includes(label));
  if (next !== undefined) tried.push(next);
  return next !== undefined;
}

/** Notes a step; where it could have come before an earlier one that it depends on, that is to be tried. */
function take(option: Option, since: number, events: Event[], path: readonly Point[]): void {
  const cause = since < 0 ? undefined : since;
  const direct = events.flatMap((event, index) => (isIndependent(event.option, option) ? [] : [index]));
  const after = new Set(cause === undefined ? [] : [cause, ...(events[cause] as Event).after]);
  const races: number[] = [];
  // The latest first: what had to come before one of them is no race.
  for (const index of direct.reverse()) {
    if (!after.has(index)) races.push(index);
    after.add(index);
    for (const earlier of (events[index] as Event).after) after.add(earlier);
  }
  const last = events.push({ option, cause, after }) - 1;
  for (const race of races) tryBefore(race, last, events, path[race] as Point);
}

/** Has one of the steps tried before `race` with which an order can begin that has `last` before it. */
function tryBefore(race: number, last: number, events: readonly Event[], { toTry }: Point): void {
  const rest: number[] = [];
  for (let index = race + 1; index < last; index++) if (!(events[index] as Event).after.has(race)) rest.push(index);
  rest.push(last);
  const firsts = rest.filter((index) => {
    const { after } = events[index] as Event;
    return !rest.some((other) => other !== race && after.has(other));
  });
  const labels = firsts.map((index) => (events[index] as Event).option.label);
  if (labels.some((label) => toTry.has(label))) return;
  const [label] = labels;
  if (label !== undefined) toTry.add(label);
}

function isIndependent(one: Option, other: Option): boolean {
  return one.program !== other.program && !one.accesses.some((a) => other.accesses.some((b) => conflict(a, b)));
}

function conflict(one: Access, other: Access): boolean {
  if (one.name !== other.name && one.name !== '*' && other.name !== '*') return false;
  return one.mode !== other.mode || one.mode === 'write';
}
