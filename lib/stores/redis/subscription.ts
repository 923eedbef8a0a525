import type { Line, LineEvents } from '../endings-line.js';

/** Subscribes to a channel on a connection of its own to one of the servers; resolves when messages come in. */
export type Subscribe = (channel: string, events: LineEvents, opening: (line: Line) => void) => Promise<unknown>;
