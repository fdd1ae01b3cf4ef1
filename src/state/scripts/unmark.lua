-- Clears a tile whose slot is bad, so that it is sent again.
-- KEYS[1] the hash; [2] tiles:S; then the indexes    ARGV[1] stage; [2] claim; [3] index; [4] now
-- Answers: made, from | already, status | refused, status | unknown
local job = redis.call('HMGET', KEYS[1], 'status', 'stage', 'claim', 'total_tiles')
if not job[1] then return { 'unknown' } end
if not working(job[1]) or job[2] ~= ARGV[1] or job[3] ~= ARGV[2] then return { 'refused', job[1] } end
if tonumber(ARGV[3]) >= tonumber(job[4] or '0') then return { 'refused', job[1] } end
if redis.call('GETBIT', KEYS[2], ARGV[3]) == 0 then return { 'already', job[1] } end
redis.call('SETBIT', KEYS[2], ARGV[3], 0)
redis.call('HSET', KEYS[1], 'received_tiles', redis.call('BITCOUNT', KEYS[2]), 'updated_at', ARGV[4])
if job[1] == 'finishing' then
  set_status('processing')
  note(KEYS[1], ARGV[4], 'processing', 'tile ' .. ARGV[3] .. ' was damaged in the spool')
end
return { 'made', job[1] }
