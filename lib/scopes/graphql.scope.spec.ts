import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { REQUEST } from '../session.request.js';
import { graphqlRequestIn, graphqlScopeIn } from './graphql.scope.js';

describe('the session of whatever asks', () => {
  const part = {};
  const req = { headers: {}, [REQUEST]: part };

  it.each<[string, unknown[]]>([
    ['a resolver', [undefined, { headers: {}, id: 1 }, { req }, {}]],
    ['a reference resolver of a federation', [{ __typename: 'Cart', headers: {} }, { req }, {}]],
    ["one whose reference looks like a driver's context", [{ req: { headers: {} } }, { req }, {}]],
  ])('law 10: %s is that of its context, by no argument of the client', (_, args) => {
    const context = new ExecutionContextHost(args);
    context.setType('graphql');
    expect(graphqlScopeIn(context, '@Session()')).toBe(part);
    expect(graphqlRequestIn(context, '@Session()')).toBe(req);
  });
});
