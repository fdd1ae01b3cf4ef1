-- done, failed or cancelled -> expired: its files are gone, 410 is answered until the keys go too.
-- KEYS[1] the hash, then the indexes    ARGV[1] now
-- Answers: made, from | already, status | refused, status | unknown
local status = redis.call('HGET', KEYS[1], 'status')
if not status then return { 'unknown' } end
if status == 'expired' then return { 'already', status } end
if not ended(status) then return { 'refused', status } end
redis.call('HSET', KEYS[1], 'updated_at', ARGV[1])
set_status('expired')
note(KEYS[1], ARGV[1], 'expired', '')
return { 'made', status }
