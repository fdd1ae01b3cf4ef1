-- Takes a worker's heartbeat. Its counters begin anew at each start; the totals kept here do not.
-- KEYS[1] worker:ID; [2] worker:ID:totals; [3] worker:ID:history
-- ARGV[1] incarnation; [2] tiles done; [3] tiles failed; [4] seconds to live; [5] seconds to keep totals;
-- [6] finished tiles; [7..] number, line for the history, ..., oldest first; then field, value, ...
-- Answers: made, tiles done by all its starts, tiles failed by all
only(KEYS[1], 'hash')
only(KEYS[2], 'hash')
only(KEYS[3], 'list')
local kept = redis.call('HMGET', KEYS[2], 'incarnation', 'base_done', 'base_failed', 'done', 'failed', 'history')
local noted = tonumber(kept[6] or '0')
local base_done, base_failed = tonumber(kept[2] or '0'), tonumber(kept[3] or '0')
if kept[1] and kept[1] ~= ARGV[1] then
  noted = 0
  base_done = base_done + tonumber(kept[4] or '0')
  base_failed = base_failed + tonumber(kept[5] or '0')
end
redis.call('HSET', KEYS[2], 'incarnation', ARGV[1], 'base_done', base_done, 'base_failed', base_failed,
  'done', ARGV[2], 'failed', ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[5])
local done = string.format('%.0f', base_done + tonumber(ARGV[2]))
local failed = string.format('%.0f', base_failed + tonumber(ARGV[3]))
local fields = 7 + 2 * tonumber(ARGV[6])
redis.call('HSET', KEYS[1], 'incarnation', ARGV[1], 'tiles_done', done, 'tiles_failed', failed, unpack(ARGV, fields))
redis.call('EXPIRE', KEYS[1], ARGV[4])
-- A heartbeat may come twice, and tells again what may not have arrived.
for at = 7, fields - 1, 2 do
  if tonumber(ARGV[at]) > noted then
    noted = tonumber(ARGV[at])
    redis.call('LPUSH', KEYS[3], ARGV[at + 1])
  end
end
redis.call('HSET', KEYS[2], 'history', string.format('%.0f', noted))
redis.call('LTRIM', KEYS[3], 0, 99)
redis.call('EXPIRE', KEYS[3], ARGV[5])
return { 'made', done, failed }
