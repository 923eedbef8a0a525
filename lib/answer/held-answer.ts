import type { ServerResponse } from 'node:http';
import { addHeaders, removeRepresentation, type HeaderChanges } from './answer-headers.js';
import { answerApart, isAnswering } from './answering.js';
import {
  guardResponse,
  headersSent,
  isNodes,
  readAsEnded,
  readAsHoldSays,
  readAsItIs,
  type HeadMethods,
} from './guarded-response.js';
import { JointOwner } from './joint-owner.js';

/** Who decides what happens before an answer leaves. */
export interface AnswerOwner {
  /** For whom it speaks, where these are several. */
  readonly owners?: readonly AnswerOwner[];
  /**
   * Called one microtask after the handler began to answer; the answer waits for it. And again after each wait, as more
   * may have begun meanwhile (a login, say): the answer leaves in the same breath in which there is nothing to wait for.
   */
  beforeAnswer(status: number): void | Promise<void>;
  /** What the answer says in addition; asked once, after `beforeAnswer`. */
  headersToAdd(): HeaderChanges;
  /** The answer was dropped because of this error: another one is to be given in its place. */
  answerInstead(error: unknown): void;
  /**
   * The answer is to go out at once, as its call began before there was a hold.
   *
   * @throws SessionUsageError `ALREADY_ANSWERED` when something has to be done before
   */
  checkOvertaken(): void;
  /** It goes out at once. */
  overtaken(): void;
}

/** How far an answer is. */
export interface AnswerProgress {
  /** open: nothing written yet · held: calls are kept · passed: calls go through · refused: another answer goes out */
  readonly phase: 'open' | 'held' | 'passed' | 'refused';
  /** Whether `end` was called and reached the response. */
  readonly ended: boolean;
}

type Method = 'writeHead' | 'flushHeaders' | 'write' | 'end';
type Call = (this: ServerResponse, ...args: unknown[]) => unknown;

/** A response with its hold. By a name, not a symbol: V8 keeps objects fast that are given names. */
export type HeldResponse = ServerResponse & { tokenSessionHold?: HeldAnswer };

/**
 * Holds an answer back until its owner is done: nothing of it leaves before.
 *
 * Installed when a session is first used. The first call that would send something starts the
 * owner's work one microtask later (the handler may still change the session in the same breath,
 * as in `res.end(); sess.views++`); this and all further calls are kept and made afterwards.
 * Meanwhile the response reads as after the real call.
 */
export class HeldAnswer implements AnswerProgress {
  phase: AnswerProgress['phase'] = 'open';
  ended = false;
  private readonly calls: { method: Method; args: unknown[] }[] = [];
  /** What `guardResponse` put aside. */
  head: HeadMethods | undefined;
  private readonly inner: Record<Method | '_implicitHeader', Call>;
  /** Whether what the response reads as is put there with each change, and not asked for each time. */
  private isMirrored = false;
  /** What the answer says in addition, until it has been said. */
  private changes: HeaderChanges | undefined;
  private status = 200;
  private statusMessage: string | undefined;

  private constructor(
    private readonly response: HeldResponse,
    private owner: AnswerOwner,
  ) {
    // What stands there now: Node's method, or that of a middleware before us (compression).
    const { writeHead, flushHeaders, write, end, _implicitHeader } = response as unknown as typeof this.inner;
    this.inner = { writeHead, flushHeaders, write, end, _implicitHeader };
    response.tokenSessionHold = this;
  }

  /** Installs a hold on a response that nothing has been sent of; there is one, whatever the number of owners. */
  static on(response: HeldResponse, owner: AnswerOwner): AnswerProgress {
    const present = response.tokenSessionHold;
    if (present !== undefined) return present.join(owner);
    const hold = new HeldAnswer(response, owner);
    if (response.headersSent) {
      hold.phase = 'passed';
      hold.ended = response.writableEnded;
    }
    const target = response as unknown as typeof OUTER;
    target.writeHead = OUTER.writeHead;
    target.flushHeaders = OUTER.flushHeaders;
    target.write = OUTER.write;
    target.end = OUTER.end;
    target._implicitHeader = OUTER._implicitHeader;
    return hold;
  }

  /** Takes one more owner. For one that comes when the answer has begun it is as good as gone: nothing waits for it. */
  join(owner: AnswerOwner): AnswerProgress {
    if (this.phase === 'open') {
      this.owner = new JointOwner([...(this.owner.owners ?? [this.owner]), owner]);
      return this;
    }
    const isEnded = (): boolean => this.ended;
    return {
      phase: 'passed',
      get ended() {
        return isEnded();
      },
    };
  }

  /** What a caller of the response's method gets. */
  call(method: Method, args: unknown[]): unknown {
    if (this.phase === 'passed') return this.pass(method, args);
    if (this.phase === 'refused') return this.callRefused(method, args);
    if (this.phase === 'open') this.hold(method, args);
    else if (method === 'writeHead') throw headersSent('write');
    this.calls.push({ method, args });
    if (this.isMirrored && method === 'end') readAsEnded(this.response);
    // As Node: write tells the source to wait, writeHead and end chain.
    return method === 'write' ? false : method === 'flushHeaders' ? undefined : this.response;
  }

  /**
   * Node, or who stands in for it, makes the head itself. In `res.end(req.session.name)` it is at that already: its own
   * `end` was looked up before the session was, and can't be held any more. Who has put methods over ours since
   * (compression) will come to us with the rest.
   */
  makeHead(): unknown {
    const { response } = this;
    const isUnderWay = response.end === OUTER.end && response.write === OUTER.write;
    if (isUnderWay && (this.phase === 'open' || this.phase === 'held')) {
      this.owner.checkOvertaken();
      this.owner.overtaken();
      if (this.phase === 'open') this.keepStatus();
      this.release();
      if (response.headersSent) return undefined;
    }
    return this.readsAsSent ? undefined : this.inner._implicitHeader.call(response);
  }

  /** Whether whoever asks now has to see the response as after its own, real call. */
  get readsAsSent(): boolean {
    return this.phase === 'held' || (this.phase === 'refused' && !this.ended && !isAnswering(this.response));
  }

  /** Whether that call was, or was followed by, the end. */
  get readsAsEnded(): boolean {
    return this.readsAsSent && (this.phase === 'refused' || this.calls.at(-1)?.method === 'end');
  }

  private hold(method: Method, args: unknown[]): void {
    const { response } = this;
    this.phase = 'held';
    this.keepStatus();
    if (method === 'writeHead' && typeof args[0] === 'number') [this.status] = args as [number];
    this.head = guardResponse(response);
    this.isMirrored = isNodes(this.inner);
    if (!this.isMirrored) readAsHoldSays(response);
    // A promise of its own, because queueMicrotask makes an AsyncResource for each call.
    void SETTLED.then(() => {
      this.settle();
    });
  }

  private keepStatus(): void {
    this.status = this.response.statusCode;
    this.statusMessage = this.response.statusMessage;
  }

  private settle(): void {
    if (this.phase !== 'held') return;
    let work: void | Promise<void>;
    try {
      work = this.owner.beforeAnswer(this.status);
    } catch (error) {
      this.refuse(error);
      return;
    }
    if (work === undefined) this.release();
    else
      work.then(
        () => {
          this.settle();
        },
        (error: unknown) => {
          this.refuse(error);
        },
      );
  }

  /** Lets the kept calls go out. */
  private release(): void {
    const { calls } = this;
    const head = calls[0]?.method === 'writeHead' ? calls[0].args : undefined;
    let drained = true;
    let wrote = false;
    try {
      this.changes = this.owner.headersToAdd();
      this.phase = 'passed';
      if (this.isMirrored) readAsItIs(this.response);
      if (head === undefined) this.restoreStatus();
      this.addHeaders(head);
      for (const { method, args } of calls.splice(0)) {
        const result = this.pass(method, args);
        if (method === 'write') {
          wrote = true;
          drained = result !== false;
        }
      }
    } catch (error) {
      // What the real call refuses (a chunk that is none, a bad header) was accepted while held.
      this.refuse(error);
      return;
    }
    // A source that was told to wait waits for this; Node emits it only for its own buffer.
    if (wrote && drained && !this.ended) this.drain();
  }

  /** Who waits with the rest of a dropped answer must not wait for ever, nor keep the process busy with it. */
  private drainLater(): void {
    setImmediate(() => {
      if (!this.response.destroyed) this.drain();
    });
  }

  private drain(): void {
    // compression gives such listeners to a stream of its own; `on` gives whoever has them.
    this.response.on('drain', ignore).off('drain', ignore).emit('drain');
  }

  private addHeaders(head: unknown[] | undefined): void {
    const { response, changes } = this;
    this.changes = undefined;
    if (changes !== undefined && !response.headersSent) addHeaders(response, head, changes);
  }

  private restoreStatus(): void {
    const { response } = this;
    if (response.statusCode !== this.status) response.statusCode = this.status;
    if (response.statusMessage !== this.statusMessage && this.statusMessage !== undefined) {
      response.statusMessage = this.statusMessage;
    }
  }

  /** Drops the answer and asks for another one. */
  private refuse(error: unknown): void {
    const { response } = this;
    const dropped = this.calls.splice(0);
    try {
      // A token that is stored already goes out all the same, or its client would be signed out.
      this.changes = this.owner.headersToAdd();
    } catch {
      // A transport's own fault is what brought us here; the error answer does without.
    }
    this.phase = 'refused';
    if (this.isMirrored) readAsHoldSays(response);
    this.isMirrored = false;
    answerApart(response, () => {
      if (!response.headersSent) {
        response.statusCode = 200;
        (response as { statusMessage?: string | undefined }).statusMessage = undefined;
        removeRepresentation(response);
      }
      for (const { args } of dropped) notify(args, error);
      this.owner.answerInstead(error);
    });
    if (dropped.some(({ method }) => method === 'write')) this.drainLater();
  }

  private callRefused(method: Method, args: unknown[]): unknown {
    if (!this.ended && isAnswering(this.response)) {
      this.addHeaders(method === 'writeHead' ? args : undefined);
      return this.pass(method, args);
    }
    // The handler whose answer was dropped, or its stream, may go on for a while.
    notify(args, new Error('The answer was replaced by an error.'));
    if (method !== 'write') return this.response;
    this.drainLater();
    return false;
  }

  private pass(method: Method, args: unknown[]): unknown {
    const result = this.inner[method].apply(this.response, args);
    // Not before: Node's own end comes back here for the head.
    if (method === 'end') this.ended = true;
    if (this.isMirrored) readAsItIs(this.response);
    return result;
  }
}

const SETTLED = Promise.resolve();

/** One function of each name for all responses: no closure for each request. */
const OUTER: Record<Method | '_implicitHeader', Call> = {
  _implicitHeader(this: HeldResponse) {
    return (this.tokenSessionHold as HeldAnswer).makeHead();
  },
  writeHead: outer('writeHead'),
  flushHeaders: outer('flushHeaders'),
  write: outer('write'),
  end: outer('end'),
};

function outer(method: Method): Call {
  return function (this: HeldResponse, ...args) {
    return (this.tokenSessionHold as HeldAnswer).call(method, args);
  };
}

function notify(args: unknown[], error: unknown): void {
  const callback = args.at(-1);
  if (typeof callback === 'function') process.nextTick(callback, error);
}

function ignore(): void {
  // Only asks who has the listeners.
}
