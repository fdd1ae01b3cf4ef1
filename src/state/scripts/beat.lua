-- Takes a worker's heartbeat. Its counters start over at each start; the totals kept here do not.
-- A worker that holds its name in Redis is known. Others are strangers: invented, or of a version that took no name.
-- They have a number of places of their own, which they keep for a while, so that they never push out a known one.
-- KEYS[1] worker:ID; [2] worker:ID:totals; [3] worker:ID:history; [4] workers; [5] workers:strangers; [6] name:worker:ID
-- ARGV[1] incarnation; [2] tiles done; [3] tiles failed; [4] seconds to live; [5] seconds to keep totals; [6] finished tiles;
-- [7] id; [8] workers remembered; [9] ms that a dead one is shown; [10] places of strangers; [11] seconds that they keep them;
-- [12..] number, line for the history, ..., oldest first; then field, value, ...
-- Answers: made, tiles done by all its starts, tiles failed by all | other (start has the name) | full (of strangers)
for at, kind in ipairs({ 'hash', 'hash', 'list', 'zset', 'zset', 'string' }) do only(KEYS[at], kind) end
local now, id = now_ms(), ARGV[7]
local function text(number) return string.format('%.0f', number) end
local function forget_before(set, moment)
  for _, gone in ipairs(redis.call('ZRANGEBYSCORE', set, '-inf', text(moment))) do
    redis.call('ZREM', KEYS[4], gone)
    redis.call('ZREM', KEYS[5], gone)
  end
end
local holder = redis.call('GET', KEYS[6])
local keep = tonumber(ARGV[5])
if holder then
  if string.sub(holder, 1, #ARGV[1]) ~= ARGV[1] then return { 'other' } end
  redis.call('ZREM', KEYS[5], id)
else
  if not redis.call('ZSCORE', KEYS[5], id) then
    forget_before(KEYS[5], now - tonumber(ARGV[11]) * 1000)
    if redis.call('ZCARD', KEYS[5]) >= tonumber(ARGV[10]) then return { 'full' } end
  end
  redis.call('ZADD', KEYS[5], text(now), id)
  keep = math.min(keep, tonumber(ARGV[11]))
end
redis.call('ZADD', KEYS[4], text(now), id)
redis.call('ZREMRANGEBYRANK', KEYS[4], 0, -tonumber(ARGV[8]) - 1)
forget_before(KEYS[4], now - tonumber(ARGV[9]))

local kept = redis.call('HMGET', KEYS[2], 'incarnation', 'base_done', 'base_failed', 'done', 'failed', 'history', 'at')
local is_same = kept[1] == ARGV[1]
local function number(at) return tonumber(kept[at] or '0') or 0 end
-- No worker finishes more tiles in the time since it was heard last; one that had done more is soon believed.
local most = 1000 + 200 * math.max(0, now - (tonumber(kept[7] or '') or now))
local function plausible(told, before) return math.min(tonumber(told), (is_same and before or 0) + most) end
local noted, base_done, base_failed = number(6), number(2), number(3)
if kept[1] and not is_same then
  noted = 0
  base_done, base_failed = base_done + number(4), base_failed + number(5)
end
local own_done, own_failed = plausible(ARGV[2], number(4)), plausible(ARGV[3], number(5))
local done, failed = text(base_done + own_done), text(base_failed + own_failed)
local fields = 12 + 2 * tonumber(ARGV[6])
redis.call('HSET', KEYS[1], 'incarnation', ARGV[1], 'tiles_done', done, 'tiles_failed', failed, unpack(ARGV, fields))
redis.call('EXPIRE', KEYS[1], ARGV[4])
-- A heartbeat may come twice, and tells again what may not have arrived.
for at = 12, fields - 1, 2 do
  if tonumber(ARGV[at]) > noted then
    noted = tonumber(ARGV[at])
    redis.call('LPUSH', KEYS[3], ARGV[at + 1])
  end
end
redis.call('HSET', KEYS[2], 'incarnation', ARGV[1], 'base_done', text(base_done), 'base_failed', text(base_failed),
  'done', text(own_done), 'failed', text(own_failed), 'history', text(noted), 'at', text(now))
redis.call('EXPIRE', KEYS[2], keep)
redis.call('LTRIM', KEYS[3], 0, 99)
redis.call('EXPIRE', KEYS[3], keep)
return { 'made', done, failed }
