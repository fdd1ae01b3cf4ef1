-- Gives a claimed idempotency key its job, or frees it.
-- KEYS[1] the key    ARGV[1] token; [2] job, empty to free the key; [3] seconds
-- Answers: made | refused
local value = redis.call('GET', KEYS[1])
if not value then return { 'refused' } end
local known = cjson.decode(value)
if known.token ~= ARGV[1] then return { 'refused' } end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
  return { 'made' }
end
known.job = ARGV[2]
redis.call('SET', KEYS[1], cjson.encode(known), 'EX', ARGV[3])
return { 'made' }
