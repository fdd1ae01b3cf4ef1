-- Shows that a job is being worked on, and adds to its times.
-- KEYS[1] the hash    ARGV[1] now; [2] the stage the times are of, or empty; [3..] step, milliseconds, ...
-- Answers: made | refused, status | unknown
local status = redis.call('HGET', KEYS[1], 'status')
if not status then return { 'unknown' } end
if status == 'accepting' or status == 'expired' then return { 'refused', status } end
if working(status) then redis.call('HSET', KEYS[1], 'updated_at', ARGV[1]) end
for at = 3, #ARGV - 1, 2 do add_time(KEYS[1], ARGV[at], ARGV[2], ARGV[at + 1]) end
return { 'made' }
