/** Makes each test of a spec fail in which a promise was rejected that nobody took (law 9). */
export function failOnUnhandledRejections(): void {
  let rejected: unknown[] = [];
  const note = (reason: unknown): void => {
    rejected.push(reason);
  };
  beforeAll(() => process.on('unhandledRejection', note));
  afterAll(() => process.off('unhandledRejection', note));
  beforeEach(() => {
    rejected = [];
  });
  afterEach(() => {
    expect(rejected).toEqual([]);
  });
}
