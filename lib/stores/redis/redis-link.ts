import { errorText } from '../../error-text.js';
import { within } from '../deadline.js';
import { outcomeUnknown } from '../outcome-unknown.js';
import { ConnectionGate, NotConnectedError, WATCH_INTERVAL } from './connection-gate.js';
import { isRefusal, type RedisCommands } from './redis-commands.js';
import type { RedisScript } from './redis-script.js';

/** How commands get to Redis, and what it means when they don't. */
export class RedisLink {
  /** How often what was on its way may have been sent again. */
  private interruptions = 0;
  private readonly gate: ConnectionGate;
  private readonly stopListening: () => void;

  /** @param patience how long an operation may take, in ms */
  constructor(
    readonly commands: RedisCommands,
    private readonly patience: () => number,
  ) {
    this.gate = new ConnectionGate(commands, patience);
    this.stopListening = commands.onReconnect(() => {
      this.interruptions++;
    });
  }

  /** Leaves the client alone. */
  close(): void {
    this.stopListening();
  }

  /** Sends a command as soon as there is a connection; never after nobody waits for it any more. */
  send<T>(command: () => Promise<T>): Promise<T> {
    const opening = this.gate.pass();
    return opening === undefined ? command() : opening.then(command);
  }

  /** Sends one that changes something: when its answer is lost, it may have been carried out. */
  write<T>(command: () => Promise<T>): Promise<T> {
    return this.send(() => command().catch(uncertain));
  }

  /** Runs a script that only reads. */
  ask(script: RedisScript, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.send(() => this.evaluate(script, keys, args));
  }

  /** Runs a script that changes something. */
  run(script: RedisScript, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    return this.write(() => this.evaluate(script, keys, args));
  }

  /** The same, and whether the driver may have sent it twice. */
  runNoting(
    script: RedisScript,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<{ answer: unknown; wasInterrupted: boolean }> {
    return this.write(async () => {
      const before = this.interruptions;
      const answer = await this.evaluate(script, keys, args);
      return { answer, wasInterrupted: before !== this.interruptions };
    });
  }

  /** Sends one of the many commands of an operation that may take long. */
  step<T>(command: () => Promise<T>): Promise<T> {
    const ms = this.patience();
    return within(this.send(command), ms, () => new Error(`no answer within ${String(ms)} ms`));
  }

  /** Does something that no request waits for, once there is a connection; it may fail. Gives what ends the waiting. */
  whenReady(act: () => Promise<void>): () => void {
    const look = (): void => {
      if (this.commands.state() !== 'ready') return;
      clearInterval(watch);
      act().catch(() => undefined);
    };
    const watch = setInterval(look, WATCH_INTERVAL).unref();
    look();
    return () => {
      clearInterval(watch);
    };
  }

  /** By its SHA-1; a server that does not have the script is sent its text, while somebody waits for it. */
  private evaluate(script: RedisScript, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const sentAt = performance.now();
    return this.commands.evalSha(script.sha, keys, args).catch((error: unknown) => {
      const isLate = performance.now() - sentAt >= this.patience();
      if (isLate || !errorText(error).startsWith('NOSCRIPT')) throw error;
      return this.send(() => this.commands.eval(script.text, keys, args));
    });
  }
}

function uncertain(cause: unknown): never {
  if (isRefusal(cause) || cause instanceof NotConnectedError) throw cause;
  throw outcomeUnknown(cause);
}
