-- Deletes a job that has not been begun: its announcement failed and its sender was told so.
-- KEYS[1] the hash, then the indexes
-- Answers: made, from | already | refused, status
local status = redis.call('HGET', KEYS[1], 'status')
if not status then
  leave_indexes()
  return { 'already' }
end
if status ~= 'accepting' and status ~= 'queued' then return { 'refused', status } end
if redis.call('HEXISTS', KEYS[1], 'started_at') == 1 then return { 'refused', status } end
each_stage_key(KEYS[1], function(key) redis.call('DEL', key) end)
redis.call('DEL', KEYS[1], KEYS[1] .. ':events')
leave_indexes()
return { 'made', status }
