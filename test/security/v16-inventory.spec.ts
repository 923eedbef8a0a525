import { jest } from '@jest/globals';
import type { SessionEvent } from 'nestjs-token-session';
import { LOG_LEVELS } from '../../lib/session.events.js';
import { closeApps } from '../support/app.js';
import { PLATFORMS } from '../support/platforms.js';
import { ScriptedApp } from '../support/scripted.js';
import { recipe, ROWS } from './support/v16-events-page.js';

/** What OWASP's Application Logging Vocabulary has a name for, and we the same. */
const VOCABULARY: Record<string, 'INFO' | 'WARN' | 'CRITICAL'> = {
  authn_login_success: 'INFO',
  authn_login_fail: 'WARN',
  authz_fail: 'CRITICAL',
  input_validation_fail: 'WARN',
  malicious_cors: 'CRITICAL',
  session_created: 'INFO',
  session_renewed: 'INFO',
  session_expired: 'INFO',
};

describe('ASVS 16.1.1: the inventory of events in docs/events.md', () => {
  it('names every type of event, each once, and no other', () => {
    expect(ROWS.map(({ type }) => type).toSorted()).toEqual(Object.keys(LOG_LEVELS).toSorted());
  });

  it.each(ROWS.map((row) => [row.type, row] as const))('%s: its level, its name elsewhere, what to do', (type, row) => {
    expect(row.level).toBe(LOG_LEVELS[type as SessionEvent['type']] ?? 'none');
    expect(row.remedy).toMatch(/\w{4}/);
    const level = VOCABULARY[type];
    expect(row.vocabulary).toMatch(level === undefined ? /^(near|none)/ : new RegExp(`^the same, ${level}`));
  });
});

describe('ASVS 16.2.1, 16.2.2, 16.2.4: the recipe of docs/events.md', () => {
  const { lineOf, SecurityLog } = recipe();
  const at = new Date(Date.UTC(2026, 0, 1));
  const parse = (line: string): Record<string, unknown> => JSON.parse(line) as Record<string, unknown>;

  it('has when (in UTC), where, who and what, in the form of the vocabulary', () => {
    expect(parse(lineOf({ type: 'authn_login_success', id: 'x', userId: 'ada' }, at))).toEqual({
      datetime: '2026-01-01T00:00:00.000Z',
      appid: 'shop.web',
      event: 'authn_login_success:ada',
      level: 'INFO',
      description: 'authn login success',
      id: 'x',
      userId: 'ada',
    });
    expect(parse(lineOf({ type: 'malicious_cors', reason: 'of another site' }, at))).toMatchObject({
      event: 'malicious_cors',
      level: 'CRITICAL',
      description: 'of another site',
    });
  });

  it.each(Object.entries(VOCABULARY))('gives %s the level %s', (type, level) => {
    const event = { type, id: 'x', userId: 'ada', reason: 'y' } as unknown as SessionEvent;
    expect(parse(lineOf(event, at))['level']).toBe(level);
  });

  it('ASVS 16.4.1: gives one line of printable ASCII, and the values back', () => {
    const userId = 'a"\r\n\u001b[31m\u009b2J\u2028\u202e\u{1f600}\ud800,type=x';
    const line = lineOf({ type: 'authn_login_fail', userId, reason: userId }, at);
    expect(line).toMatch(/^[ -~]+$/);
    expect(parse(line)).toMatchObject({ userId, description: userId });
  });

  it.each(PLATFORMS)('BAR 16.x: as a provider it writes every event of an application, on %s', async (platform) => {
    const lines: string[] = [];
    const app = await ScriptedApp.start(platform, {}, { providers: [SecurityLog] });
    const spy = jest.spyOn(process.stdout, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
    try {
      const token = await app.signIn('ada');
      await app.run((session) => session.destroy(), token);
    } finally {
      spy.mockRestore();
      await closeApps();
    }
    expect(lines.map((line) => parse(line)['event'])).toEqual([
      'session_created:ada',
      'authn_login_success:ada',
      'session_destroyed:ada',
    ]);
    expect(lines.every((line) => line.endsWith('}\n'))).toBe(true);
  });
});
