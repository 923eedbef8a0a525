import { BadRequestException, Body, Controller, Delete, Get, HttpCode, Post } from '@nestjs/common';
import { RequireSession, Session, SessionService } from 'nestjs-token-session';

/** What a visitor has filled in so far: nothing for a backup of the store to show. */
interface Checkout {
  name: string;
  iban: string;
}

@Controller('checkout')
export class CheckoutController {
  constructor(private readonly sessions: SessionService) {}

  @Post()
  @HttpCode(204)
  fill(@Session() sess: Session<Checkout>, @Body() body: unknown): void {
    const { name, iban } = (body ?? {}) as Record<string, unknown>;
    sess.name = text('name', name);
    sess.iban = text('iban', iban);
  }

  @Get()
  @RequireSession()
  show(@Session() { name, iban }: Session<Checkout>) {
    return { name, iban };
  }

  @Delete()
  @HttpCode(204)
  end(@Session() sess: Session<Checkout>): Promise<void> {
    return this.sessions.destroy(sess);
  }
}

function text(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '' && value.length <= 100) return value;
  throw new BadRequestException(`${name}: takes text of 1 to 100 characters.`);
}
