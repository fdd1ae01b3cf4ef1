-- Leases a job to a splitter; the same token again is the same lease. A lease that ran out counts.
-- KEYS[1] the hash, then the indexes
-- ARGV[1] token; [2] splitter; [3] length in ms; [4] now; [5] leases that may die
-- Answers: granted, stage, run, attempts, from | busy | ended, status | complete | exhausted | unknown
local job = redis.call('HMGET', KEYS[1], 'status', 'lease', 'lease_until', 'attempts', 'stage', 'run',
  'received_tiles', 'total_tiles')
local status, lease = job[1], job[2]
if not status then return { 'unknown' } end
if status ~= 'queued' and status ~= 'processing' then
  leave_ready(status)
  return { 'ended', status }
end
if tonumber(job[7] or '0') >= tonumber(job[8] or '1') then
  leave_ready(status)
  return { 'complete' }
end
local now = now_ms()
local attempts = tonumber(job[4] or '0')
local alive = lease and now < tonumber(job[3] or '0')
if alive and lease ~= ARGV[1] then return { 'busy' } end
if lease ~= ARGV[1] then
  if attempts >= tonumber(ARGV[5]) then return { 'exhausted' } end
  attempts = attempts + 1
  redis.call('HINCRBY', KEYS[1], 'passes', 1)
end
set_status('processing')
redis.call('HSET', KEYS[1], 'lease', ARGV[1], 'lease_until',
  string.format('%.0f', now + tonumber(ARGV[3])), 'splitter', ARGV[2], 'attempts', attempts, 'updated_at', ARGV[4])
redis.call('HDEL', KEYS[1], 'again')
if redis.call('HSETNX', KEYS[1], 'started_at', ARGV[4]) == 1 then
  set_time(KEYS[1], 'ms_queue', 'queued_at_ms')
  keep_moment(KEYS[1], 'stage_at_ms')
  keep_moment(KEYS[1], 'started_ms')
  keep_moment(KEYS[1], 'progress_ms')
end
if status == 'queued' then note(KEYS[1], ARGV[4], 'processing', '') end
return { 'granted', job[5] or '0', job[6] or '1', tostring(attempts), status }
