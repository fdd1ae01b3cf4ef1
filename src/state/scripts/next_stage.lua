-- Stage S -> S + 1, when all tiles of S are in the spool of the claim's holder.
-- KEYS[1] the hash, then the indexes    ARGV[1] S; [2] claim; [3] what later stages need of this one; [4] now; [5] the field for it
-- Answers: made, from | already, status | refused, status | unknown
local job = redis.call('HMGET', KEYS[1], 'status', 'stage', 'stages', 'claim', 'received_tiles', 'total_tiles')
local status, from = job[1], tonumber(ARGV[1])
if not status then return { 'unknown' } end
if not working(status) then return { 'refused', status } end
if tonumber(job[2]) == from + 1 then
  want_pass()
  return { 'already', status }
end
if tonumber(job[2]) ~= from or from + 1 >= tonumber(job[3] or '1') then return { 'refused', status } end
if job[4] ~= ARGV[2] or tonumber(job[5] or '0') < tonumber(job[6] or '1') then return { 'refused', status } end
redis.call('DEL', KEYS[1] .. ':tiles:' .. from, KEYS[1] .. ':by:' .. from, KEYS[1] .. ':tries:' .. from,
  KEYS[1] .. ':inline:' .. from)
set_time(KEYS[1], 'ms_total:' .. from, 'stage_at_ms')
keep_moment(KEYS[1], 'stage_at_ms')
redis.call('HDEL', KEYS[1], 'lease', 'lease_until', 'claim', 'spool')
redis.call('HSET', KEYS[1], ARGV[5], ARGV[3], 'attempts', 0, 'updated_at', ARGV[4])
want_pass()
enter_stage(KEYS[1], from + 1)
note(KEYS[1], ARGV[4], status, 'stage ' .. (from + 1))
return { 'made', status }
