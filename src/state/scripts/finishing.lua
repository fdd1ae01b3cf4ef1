-- processing -> finishing: every tile of the last stage is in the spool of the claim's holder.
-- KEYS[1] the hash, then the indexes    ARGV[1] claim; [2] now
-- Answers: made, from | already, status | refused, status | unknown
local job = redis.call('HMGET', KEYS[1], 'status', 'stage', 'stages', 'claim', 'received_tiles', 'total_tiles')
if not job[1] then return { 'unknown' } end
if not working(job[1]) or job[4] ~= ARGV[1] then return { 'refused', job[1] } end
if tonumber(job[2] or '0') + 1 ~= tonumber(job[3] or '1') then return { 'refused', job[1] } end
if tonumber(job[5] or '0') < tonumber(job[6] or '1') then return { 'refused', job[1] } end
if job[1] == 'finishing' then return { 'already', job[1] } end
set_status('finishing')
redis.call('HSET', KEYS[1], 'updated_at', ARGV[2])
redis.call('HSETNX', KEYS[1], 'started_at', ARGV[2])
note(KEYS[1], ARGV[2], 'finishing', '')
return { 'made', job[1] }
