-- failed or cancelled -> queued, as the next run, from the first stage and no tiles.
-- KEYS[1] the hash, then the indexes    ARGV[1] the run to begin; [2] now
-- Answers: made, from | already, status | refused, status | unknown
local job = redis.call('HMGET', KEYS[1], 'status', 'run')
local status, run = job[1], tonumber(job[2] or '1')
if not status then return { 'unknown' } end
if run == tonumber(ARGV[1]) and working(status) then
  if status == 'queued' then want_pass() end
  return { 'already', status }
end
if (status ~= 'failed' and status ~= 'cancelled') or run + 1 ~= tonumber(ARGV[1]) then return { 'refused', status } end
each_stage_key(KEYS[1], function(key) redis.call('DEL', key) end)
redis.call('HDEL', KEYS[1], 'final_filename', 'digest')
redis.call('HDEL', KEYS[1], 'reason', 'finished_at', 'started_at', 'lease', 'lease_until', 'again', 'claim', 'spool',
  'stitcher', 'splitter', 'rows', 'stage_at_ms', 'queued_ms', 'stage_ms', 'started_ms', 'finished_ms', 'in_line_ms')
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  local is_time = string.sub(field, 1, 3) == 'ms_' and field ~= 'ms_upload'
  if is_time or string.sub(field, 1, 8) == 'numbers:' then redis.call('HDEL', KEYS[1], field) end
end
keep_moment(KEYS[1], 'queued_at_ms')
set_status('queued')
want_pass()
redis.call('HSET', KEYS[1], 'run', ARGV[1], 'attempts', 0, 'updated_at', ARGV[2])
enter_stage(KEYS[1], 0)
redis.call('PERSIST', KEYS[1])
note(KEYS[1], ARGV[2], 'queued', 'run ' .. ARGV[1])
redis.call('PERSIST', KEYS[1] .. ':events')
return { 'made', status }
