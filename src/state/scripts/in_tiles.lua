-- queued or processing -> queued, as the next run, in tiles: the picture cannot be run whole. Only the lease's holder.
-- KEYS[1] the hash, then the indexes
-- ARGV[1] lease; [2] the run to begin; [3] why; [4] now; [5..] field, value, ... of the job in tiles
-- Answers: made, from | already, status | refused, status | unknown
local job = redis.call('HMGET', KEYS[1], 'status', 'run', 'lease', 'grain')
local status, run = job[1], tonumber(job[2] or '1')
if not status then return { 'unknown' } end
if not working(status) then return { 'refused', status } end
if job[4] ~= 'whole' then return { 'already', status } end
if job[3] ~= ARGV[1] or run >= tonumber(ARGV[2]) then return { 'refused', status } end
redis.call('HSET', KEYS[1], unpack(ARGV, 5))
begin_run(KEYS[1], ARGV[2], ARGV[4], ': ' .. ARGV[3])
return { 'made', status }
