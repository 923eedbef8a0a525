import { RequireLogin, RequireRecentLogin, RequireSession } from 'nestjs-token-session';

describe('decorators that are given what they do not take', () => {
  type Decorator = ClassDecorator & MethodDecorator;

  /** Both ways to write it, each as a class definition that may throw. */
  function definitions(decorator: () => Decorator): (() => unknown)[] {
    return [
      () => {
        class Handlers {
          @decorator() handler(): void {}
        }
        return Handlers;
      },
      () => {
        @decorator()
        class Handlers {}
        return Handlers;
      },
    ];
  }

  it.each([0, -1, 1.5, NaN, Infinity, '2', null, true, {}])(
    '@RequireLogin({ level: %p }) fails at its class',
    (level) => {
      for (const define of definitions(() => RequireLogin({ level: level as number }))) {
        expect(define).toThrow(/level.* takes a whole number of at least 1; got/);
      }
    },
  );

  it.each([[2], ['2'], [null], [{ lvl: 2 }], [{ level: 2, maxAge: '10m' }], [[2]]])(
    '@RequireLogin(%j) fails at its class: it must not guard less than was meant',
    (options) => {
      for (const define of definitions(() => RequireLogin(options as never))) expect(define).toThrow(/RequireLogin/);
    },
  );

  it.each([[undefined], [0], [-1], [1.5], [NaN], [Infinity], [''], ['soon'], ['0m'], [null], [{}], [['10m']]])(
    '@RequireRecentLogin(%j) fails at its class',
    (maxAge) => {
      for (const define of definitions(() => RequireRecentLogin(maxAge as never))) {
        expect(define).toThrow(/RequireRecentLogin: takes .*'30m'.*; got/);
      }
    },
  );

  it.each([
    ['RequireSession', RequireSession],
    ['RequireLogin', RequireLogin],
    ['RequireRecentLogin', RequireRecentLogin],
  ])(
    '@%s without its parentheses fails at its class: TypeScript says so, but JavaScript would run unguarded',
    (name, decorator) => {
      for (const define of [
        () => {
          class Handlers {
            @(decorator as unknown as Decorator) handler(): void {}
          }
          return Handlers;
        },
        () => {
          @(decorator as unknown as Decorator)
          class Handlers {}
          return Handlers;
        },
      ]) {
        expect(define).toThrow(new RegExp(name));
      }
    },
  );
});
