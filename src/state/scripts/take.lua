-- Says whether a tile is still wanted and notes the worker's incarnation against it; a tile that is not is in no hand.
-- KEYS[1] the hash; [2] tiles:S; [3] tries:S
-- ARGV[1] stage; [2] index; [3] incarnation; [4..] tiles that it has finished, and no longer holds
-- Answers: skip | run, incarnations that took it before, separated by commas | unknown
if #ARGV > 3 then redis.call('HDEL', KEYS[3], unpack(ARGV, 4)) end
local job = redis.call('HMGET', KEYS[1], 'status', 'stage', 'total_tiles')
if not job[1] then return { 'unknown' } end
local is_wanted = working(job[1]) and job[2] == ARGV[1] and tonumber(ARGV[2]) < tonumber(job[3] or '0')
if not is_wanted or redis.call('GETBIT', KEYS[2], ARGV[2]) == 1 then
  -- A worker that sent its result and ended before it gave the tile back no longer holds it.
  redis.call('HDEL', KEYS[3], ARGV[2])
  return { 'skip' }
end
local before, others, count = redis.call('HGET', KEYS[3], ARGV[2]) or '', {}, 0
for one in string.gmatch(before, '[^,]+') do
  if one ~= ARGV[3] and count < 15 then
    count = count + 1
    others[count] = one
  end
end
others = table.concat(others, ',')
redis.call('HSET', KEYS[3], ARGV[2], others == '' and ARGV[3] or others .. ',' .. ARGV[3])
return { 'run', others }
