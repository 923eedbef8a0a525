import { randomBytes, randomUUID } from 'node:crypto';
import { Controller, Get, Post } from '@nestjs/common';
import { dataOf, sessionData, SIZE } from '../../session-data.js';

const LETTER_A = 97;
const LETTERS = 26;

/** What new sessions get; the parent may change it. */
export const chosen = { size: SIZE };

/**
 * The handlers of contenders whose sessions are weighed.
 *
 * @param {() => ParameterDecorator} parameter gives the session
 */
export function heapController(parameter) {
  class HeapController {
    fill(session) {
      Object.assign(session, distinctData(chosen.size));
      return { count: session.count };
    }

    data(session) {
      return dataOf(session);
    }
  }

  const { prototype } = HeapController;
  for (const [decorator, name] of [
    [Post, 'fill'],
    [Get, 'data'],
  ]) {
    decorator(name)(prototype, name, Object.getOwnPropertyDescriptor(prototype, name));
    parameter()(prototype, name, 0);
  }
  Controller()(HeapController);
  return HeapController;
}

/** Text of so many letters that nobody else has, in one piece. */
export const ownText = (length) =>
  Buffer.from(randomBytes(length).map((byte) => LETTER_A + (byte % LETTERS))).toString('latin1');

/** Data of a session that shares no text with others, as it would come from the body of a request. */
function distinctData(size) {
  const data = sessionData(size);
  const own = { userId: randomUUID(), name: ownText(data.name.length), note: ownText(data.note.length) };
  const email = `${ownText(data.email.length - 4)}.com`;
  return JSON.parse(JSON.stringify({ ...data, ...own, email }));
}
