-- accepting -> queued; from here on the job has no TTL.
-- KEYS[1] the hash, then the indexes    ARGV[1] now
-- Answers: made, from | already, status | refused, status (ended) | unknown
local status = redis.call('HGET', KEYS[1], 'status')
if not status then return { 'unknown' } end
if working(status) then
  enter_indexes(status)
  if status == 'queued' then want_pass() end
  return { 'already', status }
end
if status ~= 'accepting' then return { 'refused', status } end
set_status('queued')
want_pass()
redis.call('HSET', KEYS[1], 'updated_at', ARGV[1])
keep_moment(KEYS[1], 'queued_at_ms')
redis.call('PERSIST', KEYS[1])
note(KEYS[1], ARGV[1], 'queued', '')
redis.call('PERSIST', KEYS[1] .. ':events')
return { 'made', status }
