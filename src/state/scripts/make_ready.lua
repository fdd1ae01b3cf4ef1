-- Puts a job among the ready ones, if it has not ended.
-- KEYS[1] the hash, then the indexes
-- Answers: made | refused, status | unknown
local status = redis.call('HGET', KEYS[1], 'status')
if not status then return { 'unknown' } end
if not working(status) then return { 'refused', status } end
want_pass()
return { 'made' }
