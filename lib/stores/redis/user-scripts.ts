import { RedisScript } from './redis-script.js';

/*
 * The sessions of one user, in one hash:
 *
 *   <id>   when the entry ends, in ms, and its mark: 'u' for one that is not settled, 's' for a settled, 'r' for a
 *          revoked one; then '>' and the id that it is to replace, or '<' and the one that it has replaced
 *   #      when the last entry ends, how far the search for ended ones has come, and the ids that are revoked
 *
 * One key, as a slot of a cluster that is being moved refuses commands with several. What a login or
 * a logout costs does not grow with the number of entries: ended ones count as missing when they are
 * met, and are removed some at a time.
 */
const PRELUDE = `
local key = KEYS[1]
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- What is no entry counts as one that has ended.
local function markOf(text)
  local ends, mark = string.match(text, '^(%d+) ([usr].*)$')
  return ends and tonumber(ends) > now and mark or nil
end

local lastEnd, cursor, revokedIds = 0, '0', {}
local last, at, ids = string.match(redis.call('HGET', key, '#') or '', '^(%d+) (%d+) (.*)$')
if last then
  lastEnd, cursor = tonumber(last), at
  for id in string.gmatch(ids, '[^,]+') do revokedIds[#revokedIds + 1] = id end
else
  -- There are no entries yet, or somebody has written here who should not.
  local flat = redis.call('HGETALL', key)
  for i = 1, #flat, 2 do
    local mark = flat[i] ~= '#' and markOf(flat[i + 1])
    if mark then lastEnd = math.max(lastEnd, tonumber(string.match(flat[i + 1], '^%d+'))) end
    if mark and string.sub(mark, 1, 1) == 'r' then revokedIds[#revokedIds + 1] = flat[i] end
  end
end

-- The mark of an entry; nil when it is not there.
local function markOfId(id)
  local text = redis.call('HGET', key, id)
  return text and markOf(text) or nil
end

local function isRevoked(mark) return string.sub(mark, 1, 1) == 'r' end
local function replaces(mark) return mark and string.match(mark, '>(.*)') or nil end
local function replaced(mark) return mark and string.match(mark, '<(.*)') or nil end

local function put(id, lifetime, mark)
  local ends = math.min(1e15, now + tonumber(lifetime))
  lastEnd = math.max(lastEnd, ends)
  redis.call('HSET', key, id, string.format('%.0f ', ends) .. mark)
end

-- All entries by their ids. Ended ones are removed.
local function all()
  local flat, marks = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do
    if flat[i] ~= '#' then
      local mark = markOf(flat[i + 1])
      if mark then marks[flat[i]] = mark else redis.call('HDEL', key, flat[i]) end
    end
  end
  return marks
end

-- An entry and those that are to replace it have one place between them.
local function placeOf(marks, id) return replaces(marks[id]) or id end

local function revoke(id, mark)
  if isRevoked(mark) then return end
  local ends = string.match(redis.call('HGET', key, id), '^%d+')
  redis.call('HSET', key, id, ends .. ' r' .. (string.match(mark, '[<>].*') or ''))
  revokedIds[#revokedIds + 1] = id
end

-- The ids that are revoked and still there.
local function revoked()
  local there = {}
  for _, id in ipairs(revokedIds) do
    local mark = markOfId(id)
    if mark and isRevoked(mark) then there[#there + 1] = id end
  end
  revokedIds = there
  return there
end

-- Removes some of the entries that have ended.
local function tidy()
  local page = redis.call('HSCAN', key, cursor, 'COUNT', 10)
  cursor = page[1]
  for i = 1, #page[2], 2 do
    if page[2][i] ~= '#' and not markOf(page[2][i + 1]) then redis.call('HDEL', key, page[2][i]) end
  end
end

-- What stands beside the entries; the key ends with the last of them.
local function save()
  local count = redis.call('HLEN', key) - redis.call('HEXISTS', key, '#')
  if count == 0 then
    redis.call('DEL', key)
    return
  end
  redis.call('HSET', key, '#', string.format('%.0f ', lastEnd) .. cursor .. ' ' .. table.concat(revokedIds, ','))
  redis.call('PEXPIRE', key, string.format('%.0f', math.max(1, lastEnd - now)))
end
`;

/** ARGV: now, id, lifetime, replaces, isThere, max, evict …. Gives 1 or 0, and all ids that are revoked. */
export const ADD = new RedisScript(`${PRELUDE}
local id, lifetime, old, mustBeThere, max = ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1', tonumber(ARGV[6])

-- Revokes entries until one more is within max.
local function makeRoom()
  local marks, places, count = all(), {}, 0
  for other, mark in pairs(marks) do
    local replacesOther, place = replaces(mark), placeOf(marks, other)
    local isOrphan = replacesOther and not marks[replacesOther]
    if other ~= id and not isRevoked(mark) and not isOrphan and not places[place] then
      places[place] = true
      count = count + 1
    end
  end
  local excess, chosen, victims = count + 1 - max, {}, 0
  for i = 7, #ARGV do
    local victim = placeOf(marks, ARGV[i])
    if victims < excess and places[victim] and not chosen[victim] then
      chosen[victim] = true
      victims = victims + 1
    end
  end
  if victims < excess then return false end
  for other, mark in pairs(marks) do
    if other ~= id and chosen[placeOf(marks, other)] then revoke(other, mark) end
  end
  return true
end

local function admits()
  if old == '' then return not max or makeRoom() end
  local mark = markOfId(old)
  return mark and not isRevoked(mark)
end

local mark = markOfId(id)
local stands = mark and not isRevoked(mark)
local isAgain = stands and (not mustBeThere or not replaces(mark))
local mayAdd = stands
if not mustBeThere then mayAdd = not mark end
local added = isAgain or (mayAdd and admits())
if added and not isAgain then put(id, lifetime, old == '' and 'u' or 'u>' .. old) end
tidy()
local gone = revoked()
save()
return { added and 1 or 0, gone }
`);

/** ARGV: now, id, lifetime. Gives 1 or 0. */
export const SETTLE = new RedisScript(`${PRELUDE}
local id, lifetime = ARGV[2], ARGV[3]
local mark = markOfId(id)
if not mark or isRevoked(mark) then return 0 end
local old = replaces(mark)
if old and not markOfId(old) then return 0 end
if old then redis.call('HDEL', key, old) end
local before = old or replaced(mark)
put(id, lifetime, before and 's<' .. before or 's')
save()
return 1
`);

/**
 * ARGV: now, 'only' or 'except', id. Gives the ids that are revoked within that choice. A server whose memory is
 * full refuses what may take more, unless the script has written already: signing out has to work then, too.
 */
export const REVOKE = new RedisScript(`${PRELUDE}
redis.call('HDEL', key, '')
local only, named = ARGV[2] == 'only', ARGV[3]
local marks, places = all(), {}
if named ~= '' then
  places[placeOf(marks, named)] = true
  for id, mark in pairs(marks) do
    if replaced(mark) == named then places[placeOf(marks, id)] = true end
  end
end
local chosen = {}
for id, mark in pairs(marks) do
  if (places[placeOf(marks, id)] or false) == only then
    revoke(id, mark)
    chosen[#chosen + 1] = id
  end
end
save()
return chosen
`);

/** ARGV: now, ids …. */
export const REMOVE = new RedisScript(`${PRELUDE}
local gone, left = {}, {}
for i = 2, #ARGV do
  redis.call('HDEL', key, ARGV[i])
  gone[ARGV[i]] = true
end
for _, id in ipairs(revokedIds) do
  if not gone[id] then left[#left + 1] = id end
end
revokedIds = left
save()
return 1
`);

/** ARGV: now. Gives the ids that are not revoked, each followed by its mark. Writes nothing. */
export const LIST = new RedisScript(`${PRELUDE}
local flat, list = redis.call('HGETALL', key), {}
for i = 1, #flat, 2 do
  local mark = flat[i] ~= '#' and markOf(flat[i + 1])
  if mark and not isRevoked(mark) then
    list[#list + 1] = flat[i]
    list[#list + 1] = mark
  end
end
return list
`);
