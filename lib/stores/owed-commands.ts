import type { SessionEvents } from '../session.events.js';

/** How many commands are kept for a store that is down. */
const MAX_OWED = 1_000;

/** How often such a command is tried, and how long it waits after the second time, in ms; then twice as long each time. */
const MAX_TRIES = 8;
const RETRY_DELAY = 500;

/** Commands that have to be carried out in the end, also when the store can't now. */
export class OwedCommands {
  private readonly commands: { command: () => Promise<void>; tries: number }[] = [];
  private nextAt = 0;

  constructor(
    private readonly events: SessionEvents,
    private readonly now: () => number,
  ) {}

  /** Runs a command, and keeps it if it fails. */
  async run(command: () => Promise<void>, tries = 1): Promise<void> {
    try {
      await command();
    } catch {
      // A store that goes on refusing this one command must not be asked at each request.
      this.nextAt = this.now() + RETRY_DELAY * (2 ** tries - 2);
      if (tries < MAX_TRIES && this.commands.length < MAX_OWED) this.commands.push({ command, tries });
      else
        this.events.emit({ type: 'store_failed', operation: 'destroy', reason: 'a session that nobody has is kept' });
    }
  }

  /** Runs the oldest one again; one at a time, so that a store that has just recovered is not flooded. */
  runNext(): void {
    if (this.commands.length === 0 || this.now() < this.nextAt) return;
    const { command, tries } = this.commands.shift() ?? {};
    if (command !== undefined) void this.run(command, (tries ?? 0) + 1);
  }
}
