-- Notes for a stage that its job has moved (rows were read, a strip was encoded), that it waits in a line that moves (for
-- memory, for an encoder), that its stitcher has heard a check, or how far a worker has come with the whole picture. A
-- service being busy with the job is not one of these.
-- KEYS[1] the hash
-- ARGV[1] stage; [2] moved | waits | heard | rows; [3] now; [4] milliseconds that a wait is believed, or with rows the worker;
-- [5] with rows: thousandths of its rows
-- Answers: made | refused, status | unknown
local job = redis.call('HMGET', KEYS[1], 'status', 'stage')
if not job[1] then return { 'unknown' } end
if not working(job[1]) or job[2] ~= ARGV[1] then return { 'refused', job[1] } end
if ARGV[2] == 'moved' then
  redis.call('HSET', KEYS[1], 'updated_at', ARGV[3])
  keep_moment(KEYS[1], 'progress_ms')
elseif ARGV[2] == 'rows' then
  redis.call('HSET', KEYS[1], 'updated_at', ARGV[3], 'worker', ARGV[4], 'rows_permille', ARGV[5])
  keep_moment(KEYS[1], 'progress_ms')
elseif ARGV[2] == 'heard' then
  keep_moment(KEYS[1], 'heard_ms')
else
  redis.call('HSET', KEYS[1], 'in_line_ms', string.format('%.0f', now_ms() + tonumber(ARGV[4])))
end
return { 'made' }
