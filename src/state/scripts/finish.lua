-- Any unfinished status -> failed or cancelled.
-- KEYS[1] the hash, then the indexes    ARGV[1] failed | cancelled; [2] reason; [3] now; [4] seconds to keep the job's keys
-- Answers: made, from | already, status | refused, status | unknown
-- Of a job whose hash is something else nothing is left but its end.
if only(KEYS[1], 'hash') then
  redis.call('HSET', KEYS[1], 'status', 'processing', 'created_at', ARGV[3])
end
local status = redis.call('HGET', KEYS[1], 'status')
if not status then return { 'unknown' } end
if status == ARGV[1] then return { 'already', status } end
if ended(status) then return { 'refused', status } end
set_status(ARGV[1])
redis.call('HSET', KEYS[1], 'reason', ARGV[2], 'finished_at', ARGV[3], 'updated_at', ARGV[3])
redis.call('HDEL', KEYS[1], 'lease', 'lease_until', 'again')
end_times(KEYS[1])
note(KEYS[1], ARGV[3], ARGV[1], ARGV[2])
expire_all(KEYS[1], ARGV[4])
return { 'made', status }
