import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { SessionModule, type SessionModuleOptions } from 'nestjs-token-session';
import { AccountsModule } from '../accounts/accounts.module.js';
import { PasswordHasher } from '../accounts/password-hasher.js';
import { sessionOptions } from '../app.module.js';
import { configureApp } from '../configure-app.js';
import { ViewsController } from '../views.controller.js';

/** The real hashes at the least cost, and a place to hold a check while something else happens. */
export class QuickHasher extends PasswordHasher {
  protected override readonly cost = { N: 2, r: 1, p: 1 };
  /** What each password was compared with. */
  readonly compared: string[] = [];
  beforeAnswer = (): Promise<void> => Promise.resolve();

  override async matches(password: string, hash: string): Promise<boolean> {
    this.compared.push(hash);
    const matches = await super.matches(password, hash);
    await this.beforeAnswer();
    return matches;
  }
}

/** The application as main.ts makes it, with these session options instead, and quick to start. */
export async function createApp(options: Partial<SessionModuleOptions> = {}): Promise<NestExpressApplication> {
  const testing = await Test.createTestingModule({
    imports: [SessionModule.forRoot({ ...sessionOptions, ...options }), AccountsModule],
    controllers: [ViewsController],
  })
    .overrideProvider(PasswordHasher)
    .useClass(QuickHasher)
    .compile();
  return configureApp(testing.createNestApplication<NestExpressApplication>({ logger: false }));
}
