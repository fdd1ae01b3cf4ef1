-- Notes that the job wants a reading pass, also if one is under way: the pass then ends as ready.
-- KEYS[1] the hash
-- Answers: made, priority, created_at | refused, status | unknown
local job = redis.call('HMGET', KEYS[1], 'status', 'priority', 'created_at')
if not job[1] then return { 'unknown' } end
if not working(job[1]) then return { 'refused', job[1] } end
redis.call('HSET', KEYS[1], 'again', 1)
return { 'made', job[2] or '', job[3] or '' }
