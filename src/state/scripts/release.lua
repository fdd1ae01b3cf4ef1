-- Gives a lease back: after a whole pass (no lease died, so attempts start over) or when drained (the
-- attempt is not counted).
-- KEYS[1] the hash, then the indexes    ARGV[1] token; [2] complete | drained; [3] now
-- Answers: made | already | unknown
local job = redis.call('HMGET', KEYS[1], 'status', 'lease', 'attempts')
if not job[1] then return { 'unknown' } end
if job[2] ~= ARGV[1] then return { 'already' } end
local attempts = 0
if ARGV[2] == 'drained' then attempts = math.max(0, tonumber(job[3] or '0') - 1) end
redis.call('HDEL', KEYS[1], 'lease', 'lease_until')
redis.call('HSET', KEYS[1], 'attempts', attempts, 'updated_at', ARGV[3])
if ARGV[2] == 'complete' then leave_ready(job[1]) end
return { 'made' }
