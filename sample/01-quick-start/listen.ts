import type { INestApplication } from '@nestjs/common';

/**
 * Listens on PORT (default 3000) of HOST (default 127.0.0.1) and gives the URL.
 *
 * @throws Error that says what to do when the port is in use
 */
export async function listen(app: INestApplication, env: NodeJS.ProcessEnv): Promise<string> {
  const port = Number(env.PORT || 3000);
  try {
    await app.listen(port, env.HOST || '127.0.0.1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new Error(`Port ${port} is in use. Set PORT to another one; PORT=0 takes any that is free.`, {
      cause: error,
    });
  }
  return app.getUrl();
}
