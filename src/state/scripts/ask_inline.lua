-- Notes tiles of a stage that could not be read from their slots, so that the next pass sends their pixels in records.
-- KEYS[1] the hash; [2] tiles:S; [3] inline:S    ARGV[1] stage; [2..] indexes
-- Answers: made, tiles that are noted | ended (or another stage) | unknown
local job = redis.call('HMGET', KEYS[1], 'status', 'stage', 'total_tiles')
if not job[1] then return { 'unknown' } end
if not working(job[1]) or (job[2] or '0') ~= ARGV[1] then return { 'ended' } end
only(KEYS[3], 'set')
local total = tonumber(job[3] or '0')
for at = 2, #ARGV do
  local index = tonumber(ARGV[at])
  -- One that is in the spool is asked for by a duplicate whose slot has been used again.
  if index < total and redis.call('GETBIT', KEYS[2], index) == 0 then redis.call('SADD', KEYS[3], index) end
end
return { 'made', tostring(redis.call('SCARD', KEYS[3])) }
