-- Makes a job's hash, unless there is one.
-- KEYS[1] the hash, then the indexes
-- ARGV[1] seconds to live, 0 for none; [2] now; [3] status; [4..] field, value, ...
-- Answers: made | already, status
only(KEYS[1], 'hash')
local status = redis.call('HGET', KEYS[1], 'status')
if status then
  if status == 'accepting' and tonumber(ARGV[1]) > 0 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
  enter_indexes(status)
  return { 'already', status }
end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
set_status(ARGV[3])
enter_stage(KEYS[1], 0)
if ARGV[3] == 'queued' then
  keep_moment(KEYS[1], 'queued_at_ms')
  want_pass()
end
note(KEYS[1], ARGV[2], ARGV[3], '')
if tonumber(ARGV[1]) > 0 then expire_all(KEYS[1], ARGV[1]) end
return { 'made' }
