-- Renews a lease that has not passed to another.
-- KEYS[1] the hash    ARGV[1] token; [2] length in ms; [3] now
-- Answers: held | lost | unknown
local job = redis.call('HMGET', KEYS[1], 'status', 'lease')
if not job[1] then return { 'unknown' } end
if not working(job[1]) or job[2] ~= ARGV[1] then return { 'lost' } end
redis.call('HSET', KEYS[1], 'lease_until', string.format('%.0f', now_ms() + tonumber(ARGV[2])), 'updated_at', ARGV[3])
return { 'held' }
