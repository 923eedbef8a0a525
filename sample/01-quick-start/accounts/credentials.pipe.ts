import { BadRequestException, Injectable, type PipeTransform } from '@nestjs/common';

export interface Credentials {
  readonly user: string;
  readonly password: string;
  /** What the client calls itself in the list of sessions. */
  readonly label?: string;
}

const LONGEST = { user: 100, password: 256, label: 100 };

/** The body of a sign-in. It may be anything until it was looked at: a list, a number, or not there. */
@Injectable()
export class CredentialsPipe implements PipeTransform<unknown, Credentials> {
  transform(body: unknown): Credentials {
    const { user, password, label } = (body ?? {}) as Record<string, unknown>;
    return {
      user: text('user', user),
      password: text('password', password),
      ...(label !== undefined && { label: text('label', label) }),
    };
  }
}

function text(name: keyof typeof LONGEST, value: unknown): string {
  const longest = LONGEST[name];
  if (typeof value === 'string' && value !== '' && value.length <= longest && value.isWellFormed()) return value;
  throw new BadRequestException(`${name}: takes text of 1 to ${longest} characters.`);
}
