import express, { type Express, type Request } from 'express';
import expressSession from 'express-session';
import { checkPassword } from './accounts.js';
import { openStore, type Settings, type Shop } from './shared.js';

type ShopRequest = Request & { session: Partial<Shop> };

/** Before: the application as it is today, on express-session. */
export function before(settings: Settings): Express {
  const app = express();
  app.use(express.urlencoded());
  app.use(
    expressSession({
      store: openStore(settings),
      secret: settings.secret,
      resave: false,
      saveUninitialized: false,
      cookie: { ...settings.cookie, maxAge: 14 * 24 * 60 * 60_000 },
    }),
  );

  app.get('/me', ({ session }: ShopRequest, response) => {
    response.json({ user: session.userId ?? null, cart: session.cart ?? [] });
  });

  app.post('/cart', ({ session, body }: ShopRequest, response) => {
    session.cart = [...(session.cart ?? []), itemOf(body)];
    response.json({ cart: session.cart });
  });

  app.post('/sign-in', async (request: ShopRequest, response, next) => {
    const userId = await checkPassword(request.body);
    if (userId === undefined) {
      response.status(401).json({ message: 'The user or the password is wrong.' });
      return;
    }
    const { cart } = request.session;
    request.session.regenerate((error) => {
      if (error) {
        next(error);
        return;
      }
      Object.assign(request.session, { userId, cart });
      response.json({ user: userId });
    });
  });

  app.post('/sign-out', ({ session }: ShopRequest, response, next) => {
    session.destroy((error) => {
      if (error) next(error);
      else response.status(204).end();
    });
  });
  return app;
}

function itemOf(body: unknown): string {
  return String((body as { item?: unknown } | undefined)?.item).slice(0, 50);
}
