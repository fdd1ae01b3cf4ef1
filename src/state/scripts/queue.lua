-- accepting -> queued; from here on the job has no TTL.
-- KEYS[1] the hash    ARGV[1] now
-- Answers: made, from | already, status | refused, status (ended) | unknown
local status = redis.call('HGET', KEYS[1], 'status')
if not status then return { 'unknown' } end
if working(status) then return { 'already', status } end
if status ~= 'accepting' then return { 'refused', status } end
redis.call('HSET', KEYS[1], 'status', 'queued', 'updated_at', ARGV[1])
keep_moment(KEYS[1], 'queued_ms')
redis.call('PERSIST', KEYS[1])
note(KEYS[1], ARGV[1], 'queued', '')
redis.call('PERSIST', KEYS[1] .. ':events')
return { 'made', status }
