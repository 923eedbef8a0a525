import { All, Controller, Delete, Get, Post, Req, Res } from '@nestjs/common';
import { Session, SessionService } from 'nestjs-token-session';
import { MarkingFilter, takeOver, type AnyResponse } from '../support/answers.js';
import { closeApps, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call, Connection } from '../support/client.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { ProbedStore } from '../support/stores.js';
import { WAYS } from './support/ways.js';

type Data = Record<string, unknown>;

/** The ways of ending an answer that code for express-session has. */
@Controller()
class EndingController {
  @Get('data') data(@Session() session: Session<Data>): Data {
    return { ...session };
  }

  @Post('returned') returned(@Session() session: Session<Data>): string {
    session['user'] = 'ada';
    return 'done';
  }

  @Post('sent') sent(@Session() session: Session<Data>, @Res() response: AnyResponse): void {
    session['user'] = 'ada';
    response.send('done');
  }

  @Post('ended') ended(@Session() session: Session<Data>, @Res() response: AnyResponse): void {
    session['user'] = 'ada';
    takeOver(response).end('done');
  }

  @Post('written') written(@Session() session: Session<Data>, @Res() response: AnyResponse): void {
    session['user'] = 'ada';
    const raw = takeOver(response);
    raw.writeHead(200, { 'Content-Length': '4' });
    raw.write('done');
    raw.end();
  }

  @Post('redirected') redirected(@Session() session: Session<Data>, @Res() response: AnyResponse): void {
    session['user'] = 'ada';
    response.redirect('/data');
  }

  @Delete('session') end(@Session() session: Session<Data>): Promise<void> {
    return session.destroy();
  }

  /** `res.end` calls the session layer; nobody can catch what is thrown there. */
  @Post('unserialisable') unserialisable(@Session() session: Session<Data>, @Res() response: AnyResponse): void {
    const cycle: Data = {};
    cycle['self'] = cycle;
    session['cycle'] = cycle;
    takeOver(response).end('done');
  }

  @Post('throwing') throwing(@Session() session: Session<Data>, @Res() response: AnyResponse): void {
    session['user'] = Object.defineProperty({}, 'name', {
      enumerable: true,
      get: () => {
        throw new Error('a getter');
      },
    });
    takeOver(response).end('done');
  }
}

@Controller()
class AnywhereController {
  @All('*') any(@Req() request: { session?: object }): { session: boolean } {
    return { session: request.session !== undefined };
  }
}

const ENDINGS = ['returned', 'sent', 'ended', 'written', 'redirected'];

failOnUnhandledRejections();
afterEach(closeApps);

describe.each(PLATFORMS)('express-session, and us on %s', (platform) => {
  let store: ProbedStore;
  let filter: MarkingFilter;
  const start = (way = WAYS[0] as (typeof WAYS)[number]): Promise<RunningApp> => {
    store = new ProbedStore();
    filter = new MarkingFilter(platform);
    return startApp(platform, {
      controllers: [EndingController],
      session: { store, transport: way.transport(), storeTimeout: '5s' },
      prepare: (app) => app.useGlobalFilters(filter),
    });
  };

  describe('Law 4: express-session: the answer reached the client before the session was saved', () => {
    it.each(ENDINGS.map((ending, index) => [ending, WAYS[index % WAYS.length] as (typeof WAYS)[number]] as const))(
      'law 4, ASVS 7.2.1: not a byte leaves before the store has it: %s',
      async (ending, way) => {
        const app = await start(way);
        const connection = new Connection(app.url);
        await connection.call('/data');
        const received = connection.received;
        const storing = new Barrier();
        store.before = (operation) => (operation === 'create' ? storing.pass() : undefined);

        const answered = connection.call(`/${ending}`, { method: 'POST' });
        await storing.arrived;
        // Another request is answered in full in the meantime.
        expect((await call(app.url, '/data')).status).toBe(200);
        expect([connection.received, store.inner.count?.()]).toEqual([received, 0]);
        storing.open();

        const token = way.received(await answered) as string;
        expect((await call(app.url, '/data', { headers: way.send(token) })).json()).toEqual({ user: 'ada' });
        connection.close();
      },
    );
  });

  describe('F78: express-session: a save that failed was answered with 200', () => {
    it.each(ENDINGS)('law 4, F78: 503 by the filters of the application, and no token: %s', async (ending) => {
      const app = await start();
      store.before = (operation) => {
        if (operation === 'create') throw new Error('disk full');
      };
      const answer = await call(app.url, `/${ending}`, { method: 'POST' });
      expect([answer.status, answer.token, answer.headers['location']]).toEqual([503, undefined, undefined]);
      expect(answer.json()).toEqual({ filtered: true, code: 'STORE_UNAVAILABLE' });
      expect(filter.caught).toHaveLength(1);
    });

    it('F77: a logout that failed neither', async () => {
      const app = await start();
      const { token } = await call(app.url, '/returned', { method: 'POST' });
      store.before = (operation) => {
        if (operation === 'destroy') throw new Error('connection lost');
      };
      expect((await call(app.url, '/session', { method: 'DELETE', token })).status).toBe(503);
    });
  });

  describe('D35: express-session: data that can not be stored threw inside res.end', () => {
    it.each(['unserialisable', 'throwing'])(
      'D35: %s data are refused before anything is sent, the old session is whole, the process goes on',
      async (path) => {
        const app = await start();
        const { token } = await call(app.url, '/returned', { method: 'POST' });
        store.calls.length = 0;

        const answer = await call(app.url, `/${path}`, { method: 'POST', token });

        expect([answer.status, answer.json()]).toEqual([500, { filtered: true, code: 'DATA_NOT_STORABLE' }]);
        expect(filter.caught).toHaveLength(1);
        expect(store.calls).toEqual(['load']);
        expect((await call(app.url, '/data', { token })).json()).toEqual({ user: 'ada' });
        const fresh = await call(app.url, `/${path}`, { method: 'POST' });
        expect([fresh.status, fresh.token]).toEqual([500, undefined]);
        expect(await app.get(SessionService).count()).toBe(1);
      },
    );
  });

  describe('P31: express-session: a path was compared by indexOf', () => {
    it.each<[string, boolean]>([
      ...(['/foo', '/foo/', '/foo/bar', '/foo?x=/', '//foo', '/%66oo'] as const).map(
        (path) => [path, false] as [string, boolean],
      ),
      ...(['/foobar', '/foo.bar', '/foo-bar', '/FOO', '/x/foo', '/?/foo', '/foo%2Fbar', '/foo/../x'] as const).map(
        (path) => [path, true] as [string, boolean],
      ),
    ])('P31: %s has a session where /foo is excluded: %s', async (path, expected) => {
      const app = await startApp(platform, { controllers: [AnywhereController], session: { exclude: ['/foo'] } });
      expect((await call(app.url, path)).json()).toEqual({ session: expected });
    });
  });
});
