-- Notes that a tile is in the spool. `complete` also for a tile known before, so that a repeat of the
-- completing call is answered alike.
-- KEYS[1] the hash; [2] tiles:S; [3] by:S
-- ARGV[1] stage; [2] claim; [3] index; [4] worker number; [5] attempt; [6] now; [7] milliseconds that its operations took; [8] the same as
-- whole microseconds
-- Answers: new | known | complete | fenced | ended (or another stage, or no such tile) | unknown
local job = redis.call('HMGET', KEYS[1], 'status', 'stage', 'claim', 'total_tiles')
if not job[1] then return { 'unknown' } end
if not working(job[1]) or job[2] ~= ARGV[1] then return { 'ended' } end
if job[3] ~= ARGV[2] then return { 'fenced' } end
local index, total = tonumber(ARGV[3]), tonumber(job[4] or '0')
if index >= total then return { 'ended' } end
local known = redis.call('SETBIT', KEYS[2], index, 1) == 1
local received = redis.call('BITCOUNT', KEYS[2])
if not known then
  only(KEYS[3], 'string')
  redis.call('SETRANGE', KEYS[3], index * 8, struct.pack('>HHI4', tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[8])))
  redis.call('HSET', KEYS[1], 'received_tiles', received, 'updated_at', ARGV[6],
    'progress_ms', string.format('%.0f', now_ms()))
  -- Only of the stage: this runs for every tile, and the sum over the stages can be had later.
  redis.call('HINCRBYFLOAT', KEYS[1], 'ms_kernels:' .. ARGV[1], ARGV[7])
end
if received >= total then return { 'complete' } end
return { known and 'known' or 'new' }
