-- done -> failed: the result of that name is damaged and out of use.
-- KEYS[1] the hash, then the indexes
-- ARGV[1] the result's name; [2] reason; [3] now; [4] seconds to keep the job's keys
-- Answers: made, from | refused, status | unknown
local job = redis.call('HMGET', KEYS[1], 'status', 'final_filename')
local status = job[1]
if not status then return { 'unknown' } end
if status ~= 'done' or job[2] ~= ARGV[1] then return { 'refused', status } end
set_status('failed')
redis.call('HSET', KEYS[1], 'reason', ARGV[2], 'finished_at', ARGV[3], 'updated_at', ARGV[3],
  'bytes_out', 0)
redis.call('HDEL', KEYS[1], 'final_filename', 'digest')
note(KEYS[1], ARGV[3], 'failed', ARGV[2])
expire_all(KEYS[1], ARGV[4])
return { 'made', status }
