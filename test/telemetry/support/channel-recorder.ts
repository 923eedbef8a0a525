import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** What was told, as it was then: the message goes on to change. */
export interface Told {
  readonly phase: string;
  readonly message: Readonly<Record<string, string | undefined>>;
}

/** Names as users subscribe to them. */
const NAMES = [
  ...['start', 'end', 'asyncStart', 'asyncEnd', 'error'].flatMap((phase) => [
    `tracing:nestjs-token-session:store:${phase}`,
    `tracing:nestjs-token-session:commit:${phase}`,
  ]),
  'nestjs-token-session:event',
];

const recorders = new Set<ChannelRecorder>();

/** Hears all channels of the session layer. Ends with the test: `afterEach(stopRecording)`. */
export class ChannelRecorder {
  readonly told: Told[] = [];

  constructor() {
    for (const name of NAMES) subscribe(name, this.hear);
    recorders.add(this);
  }

  /** The messages of one channel and phase: `'store:end'`, `'event'`. */
  of(phase: string): Told['message'][] {
    return this.told.filter((each) => each.phase === phase).map(({ message }) => message);
  }

  /** Operations of stores that have ended, with what came of them. */
  get operations(): string[] {
    return ended(this.told, 'store').map(
      ({ operation, outcome, errorType }) => `${String(operation)}: ${String(outcome ?? errorType)}`,
    );
  }

  /** Commits that have ended, with what came of them. */
  get commits(): string[] {
    return ended(this.told, 'commit').map(({ outcome, errorType }) => String(outcome ?? errorType));
  }

  stop(): void {
    for (const name of NAMES) unsubscribe(name, this.hear);
    recorders.delete(this);
  }

  private readonly hear = (message: unknown, name: string | symbol): void => {
    const phase = String(name).replace(/^(tracing:)?nestjs-token-session:/, '');
    this.told.push({ phase, message: { ...(message as Told['message']) } });
  };
}

export function stopRecording(): void {
  for (const recorder of recorders) recorder.stop();
}

/** Each once: by `end` what came at once, by `asyncEnd` what came later. */
function ended(told: readonly Told[], name: string): Told['message'][] {
  return told
    .filter(({ phase, message }) => {
      const isDone = message['outcome'] !== undefined || message['errorType'] !== undefined;
      return phase === `${name}:asyncEnd` || (phase === `${name}:end` && isDone);
    })
    .map(({ message }) => message);
}
