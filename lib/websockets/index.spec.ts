import * as api from './index.js';

it('nestjs-token-session/websockets has these names and no others', () => {
  expect(Object.keys(api).toSorted()).toEqual(['SessionSocketsModule', 'SocketSessions']);
});
