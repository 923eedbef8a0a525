import { SessionService, type SessionEvent } from 'nestjs-token-session';
import type { RunningApp } from './platforms.js';

/** Collects an application's session events from now on. */
export function collectEvents(running: RunningApp): SessionEvent[] {
  const events: SessionEvent[] = [];
  running.get(SessionService).events$.subscribe((event) => events.push(event));
  return events;
}
