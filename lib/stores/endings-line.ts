import { errorText } from '../error-text.js';
import { within } from './deadline.js';
import type { EndingsListener } from './session-store.js';

/** A connection on which ends of sessions come in. */
export interface Line {
  /** Resolves when the server has answered. */
  ping(): Promise<unknown>;
  close(): void;
}

/** What hears of a line. */
export interface LineEvents {
  message(text: string): void;
  /** The line is lost, for good. */
  lost(reason: string): void;
}

export interface LineSettings {
  /**
   * Opens a line; resolves when messages come in.
   *
   * @param opening takes the line before: to close it when nobody wants it any more
   */
  open(events: LineEvents, opening: (line: Line) => void): Promise<unknown>;
  /** What a message says: the id of a session, `'all'`, or nothing that is known here. */
  read(message: string): { id: string } | 'all' | undefined;
  /** For how long opening and an answer may take, in ms. */
  patience(): number;
  /** Takes why a line was lost, or could not be opened. */
  told(reason: string): void;
  /** Whether the line leads to a server that is not the right one any more. */
  isOutdated?(): boolean;
}

/** There never will be a line: it is not tried again. */
export class NoLine extends Error {
  override readonly name = 'NoLine';
}

/** How often the server has to answer, in ms. */
const PING_INTERVAL = 1_000;

/** How long it takes to try again when a line can't be opened, in ms: at first, and at most. */
const FIRST_DELAY = 100;
const LAST_DELAY = 5_000;

/** Hands on what a store's server tells: by one line after the other, as what happens in between is missed anyway. */
export class EndingsLine {
  private line: Line | undefined;
  private timer: NodeJS.Timeout | undefined;
  private delay = FIRST_DELAY;
  /** Counts the openings: what an earlier line still has to say is not heard. */
  private round = 0;
  private isConnected = false;
  private isStopped = false;

  constructor(
    private readonly settings: LineSettings,
    private readonly listener: EndingsListener,
  ) {
    void this.open();
  }

  stop(): void {
    this.isStopped = true;
    this.shut();
  }

  /** Takes another line at once: this one may lead to the wrong server. */
  renew(): void {
    if (this.isStopped) return;
    this.shut();
    void this.open();
  }

  private async open(): Promise<void> {
    const round = ++this.round;
    const { settings } = this;
    const isOver = (): boolean => round !== this.round || this.isStopped;
    let isGivenUp = false;
    let line: Line | undefined;
    const events: LineEvents = {
      message: (text) => {
        if (!isOver()) this.hear(text);
      },
      lost: (reason) => {
        if (!isOver() && !isGivenUp) this.lose(new Error(reason));
      },
    };
    try {
      const opening = settings.open(events, (opened) => {
        if (isGivenUp || isOver()) opened.close();
        else line = opened;
      });
      await within(opening, settings.patience(), unanswered);
      if (isOver()) throw new Error('closed meanwhile');
      this.line = line;
      this.delay = FIRST_DELAY;
      this.isConnected = true;
      this.listener.connected();
      this.pingLater(round);
    } catch (error) {
      const wasOver = isOver();
      isGivenUp = true;
      line?.close();
      if (!wasOver) this.lose(error);
    }
  }

  private hear(text: string): void {
    const end = this.settings.read(text);
    if (end === 'all') this.listener.connected();
    else if (end !== undefined) this.listener.ended(end.id);
  }

  /** A connection that froze without a sign brings nothing, and looks like one on which nothing happens. */
  private pingLater(round: number): void {
    this.timer = setTimeout(() => {
      const { settings, line } = this;
      if (settings.isOutdated?.() === true) {
        this.lose(new Error('servers came or went'));
        return;
      }
      within(line?.ping() ?? Promise.resolve(), settings.patience(), unanswered).then(
        () => {
          if (round === this.round) this.pingLater(round);
        },
        (error: unknown) => {
          if (round === this.round) this.lose(error);
        },
      );
    }, PING_INTERVAL);
    this.timer.unref();
  }

  private lose(error: unknown): void {
    this.shut();
    this.settings.told(errorText(error));
    if (error instanceof NoLine) return;
    this.timer = setTimeout(() => void this.open(), this.delay);
    this.timer.unref();
    this.delay = Math.min(LAST_DELAY, this.delay * 2);
  }

  private shut(): void {
    this.round++;
    clearTimeout(this.timer);
    this.line?.close();
    this.line = undefined;
    if (this.isConnected && !this.isStopped) this.listener.lost();
    this.isConnected = false;
  }
}

function unanswered(): Error {
  return new Error('no answer');
}
