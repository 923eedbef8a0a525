import type { EndingsListener, SessionEndings } from './session-store.js';

/** Tells of the ends of sessions within this process: where all who use a store share it. */
export class LocalEndings implements SessionEndings {
  private readonly listeners = new Set<EndingsListener>();

  listen(listener: EndingsListener): () => void {
    this.listeners.add(listener);
    listener.connected();
    return () => {
      this.listeners.delete(listener);
    };
  }

  tell(id: string): void {
    for (const listener of this.listeners) listener.ended(id);
  }

  /** Any session may have ended. */
  tellAll(): void {
    for (const listener of this.listeners) listener.connected();
  }
}
