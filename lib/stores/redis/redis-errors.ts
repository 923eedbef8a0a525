import { errorText, strippedError } from '../../error-text.js';
import type { RedisCommands, RedisNode } from './redis-commands.js';

/** What a server adds on a command that it does not know: the arguments, and with them a session's data. */
const QUOTED = /,? *with args beginning with:[^]*$/i;

/** What operators look for in an error of a connection. */
const FIELDS = ['code', 'errno', 'syscall', 'address', 'port'];

/** How far errors within errors are followed. */
const MAX_CAUSES = 3;

/** The message of an error of the server or the driver, without the arguments of a command. */
export function redisErrorText(error: unknown): string {
  return errorText(error).replace(QUOTED, '');
}

/** The same commands; their errors hold none of the arguments. */
export function quotingNothing(commands: RedisCommands): RedisCommands {
  return {
    ...commands,
    get: (key) => commands.get(key).catch(fail),
    setNew: (key, value, lifetime) => commands.setNew(key, value, lifetime).catch(fail),
    evalSha: (sha, keys, args) => commands.evalSha(sha, keys, args).catch(fail),
    eval: (script, keys, args) => commands.eval(script, keys, args).catch(fail),
    unlink: (key) => commands.unlink(key).catch(fail),
    nodes: () => commands.nodes().then((nodes) => nodes.map(nodeQuotingNothing), fail),
  };
}

function nodeQuotingNothing(node: RedisNode): RedisNode {
  return {
    scan: (cursor, pattern, count) => node.scan(cursor, pattern, count).catch(fail),
    info: (section) => node.info(section).catch(fail),
    clusterInfo: () => node.clusterInfo().catch(fail),
  };
}

function fail(error: unknown): never {
  throw withoutArguments(error, MAX_CAUSES);
}

/** ioredis hangs the command on the error, and the error of a cluster on another one. */
function withoutArguments(error: unknown, depth: number): Error {
  const stripped = strippedError(error, redisErrorText(error), FIELDS);
  const { cause, lastNodeError } = (error ?? {}) as { cause?: unknown; lastNodeError?: unknown };
  const inner = cause ?? lastNodeError;
  if (inner !== undefined && inner !== null && depth > 0) stripped.cause = withoutArguments(inner, depth - 1);
  return stripped;
}
