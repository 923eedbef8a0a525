import { NEWER } from './record-text.js';
import { RedisScript } from './redis-script.js';

/**
 * For how long after a write it can be told from one that is sent again, in seconds (longer than any deadline), and
 * for how many characters of later versions: about twenty writes.
 */
const RESEND_WINDOW = 30;
const RESEND_HISTORY = 300;

/**
 * What all of them begin with: the first line of the record, as far as it is needed. The record is
 * missing when its time is over by the clock of who asks, and what is no record has no `used`.
 */
const READ = `
local now = tonumber(ARGV[1])
local line = redis.pcall('GETRANGE', KEYS[1], 0, 4095)
if type(line) == 'table' then line = '?' end
local used, started, idle, absolute, versions =
  string.match(line, '^(%w%w%w%w%w%w%w%w%w) (%w+) (%w+) (%w+) ([^ \\n]+) ')
local usedAt, ends
if used then
  usedAt = tonumber(used, 36)
  ends = math.min(usedAt + tonumber(idle, 36), tonumber(started, 36) + tonumber(absolute, 36))
end
local isOver = ends and ends <= now
local isNewer = string.sub(line, 1, 1) == '${NEWER}'
`;

/**
 * ARGV: now, expected version, times, version, rest, lifetime; for the end of a session the channel that is told of it.
 * Gives 1 when it is stored, also when it was stored by the same command before; 0 when it is missing;
 * else what there is, no text for what is no record.
 */
export const UPDATE = new RedisScript(`${READ}
if line == '' or isOver then return 0 end
if not used then return isNewer and '${NEWER}' or '' end
local version, written, earlier = string.match(versions, '^([^,]+),?([^,]*)(.*)$')
if version == ARGV[4] or string.find(earlier .. ',', ',' .. ARGV[4] .. ',', 1, true) then return 1 end
if version ~= ARGV[2] then return redis.call('GET', KEYS[1]) end
local second = tonumber(redis.call('TIME')[1])
local history = ''
if written ~= '' and second - tonumber(written) <= ${String(RESEND_WINDOW)} then
  history = string.sub(',' .. version .. earlier, 1, ${String(RESEND_HISTORY)})
end
local text = ARGV[3] .. ' ' .. ARGV[4] .. ',' .. string.format('%.0f', second) .. history .. ' ' .. ARGV[5]
redis.call('SET', KEYS[1], text, 'PX', ARGV[6])
if ARGV[7] then redis.pcall('PUBLISH', ARGV[7], KEYS[1]) end
return 1
`);

/** ARGV: now, version, text, lifetime. For an id that has a value: 1 when that is this record, or is over. */
export const CREATE = new RedisScript(`${READ}
if used and string.match(versions, '^[^,]+') == ARGV[2] then return 1 end
if line ~= '' and not isOver then return 0 end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
return 1
`);

/** ARGV: now, usedAt. Gives 1 when the record is there. Not refused by a server whose memory is full: see REVOKE. */
export const TOUCH = new RedisScript(`${READ}
if not used or isOver then return 0 end
if usedAt <= now and usedAt > tonumber(ARGV[2], 36) then return 1 end
ends = math.min(tonumber(ARGV[2], 36) + tonumber(idle, 36), tonumber(started, 36) + tonumber(absolute, 36))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(1, ends - now)))
redis.call('SETRANGE', KEYS[1], 0, ARGV[2])
return 1
`);

/**
 * ARGV: now, the channel that is told, and perhaps a version. Gives what was there. A user who may not publish signs
 * out all the same.
 */
export const DESTROY = new RedisScript(`${READ}
if not used and not isNewer or isOver then
  redis.call('DEL', KEYS[1])
  return nil
end
local text = redis.call('GET', KEYS[1])
if #ARGV == 2 or used and string.match(versions, '^[^,]+') == ARGV[3] then
  redis.call('DEL', KEYS[1])
  if ARGV[2] ~= '' then redis.pcall('PUBLISH', ARGV[2], KEYS[1]) end
end
return text
`);
