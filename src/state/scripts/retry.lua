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
begin_run(KEYS[1], ARGV[1], ARGV[2], '')
return { 'made', status }
