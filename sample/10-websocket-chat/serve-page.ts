import { join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { ServerResponse } from 'node:http';

/** What main.ts and the specs have in common. */
export function servePage(app: NestExpressApplication): void {
  app.useStaticAssets(join(import.meta.dirname, 'public'), {
    setHeaders: (response: ServerResponse) => {
      response.setHeader(
        'Content-Security-Policy',
        "default-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
      );
    },
  });
}
