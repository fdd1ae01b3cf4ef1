-- finishing -> done: publishes the result's name. Only the claim's holder, only once all tiles are in.
-- KEYS[1] the hash, then the indexes
-- ARGV[1] claim; [2] the result's name; [3] its bytes; [4] when; [5] seconds to keep the job's keys; [6] digest
-- Answers: made, from | already, status | refused, status | unknown
local job = redis.call('HMGET', KEYS[1], 'status', 'claim', 'received_tiles', 'total_tiles', 'final_filename',
  'stage', 'stages')
local status = job[1]
if not status then return { 'unknown' } end
if status == 'done' and job[5] == ARGV[2] then return { 'already', status } end
if status ~= 'finishing' and status ~= 'processing' then return { 'refused', status } end
if job[2] ~= ARGV[1] or tonumber(job[3] or '0') < tonumber(job[4] or '1') then return { 'refused', status } end
if tonumber(job[6] or '0') + 1 ~= tonumber(job[7] or '1') then return { 'refused', status } end
redis.call('HSET', KEYS[1], 'final_filename', ARGV[2], 'bytes_out', ARGV[3], 'finished_at', ARGV[4],
  'updated_at', ARGV[4])
set_status('done')
redis.call('HDEL', KEYS[1], 'lease', 'lease_until', 'again', 'reason', 'digest')
if ARGV[6] ~= '' then redis.call('HSET', KEYS[1], 'digest', ARGV[6]) end
end_times(KEYS[1])
note(KEYS[1], ARGV[4], 'done', '')
expire_all(KEYS[1], ARGV[5])
return { 'made', status }
