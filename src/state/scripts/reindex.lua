-- Makes the indexes agree with a job's hash, as it is now.
-- KEYS[1] the hash, then the indexes
-- Answers: made | unknown (it has no hash, and is in no index any more)
local status = redis.call('HGET', KEYS[1], 'status')
if not status then
  leave_indexes()
  return { 'unknown' }
end
enter_indexes(status)
-- A queued job is always ready; a processing one without lease may wait for results only.
if status == 'queued' then enter_ready() end
return { 'made' }
