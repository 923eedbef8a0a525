import { join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { ServerResponse } from 'node:http';

/** What main.ts and the specs have in common: the page of the sample. */
export function configureApp(app: NestExpressApplication): NestExpressApplication {
  app.enableShutdownHooks();
  app.useStaticAssets(join(import.meta.dirname, 'public'), {
    setHeaders: (response: ServerResponse) => {
      // The page keeps a token where scripts can read it, so only its own scripts may run.
      response.setHeader(
        'Content-Security-Policy',
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
      );
    },
  });
  return app;
}
