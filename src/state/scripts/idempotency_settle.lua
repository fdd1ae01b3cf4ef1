-- Gives a claimed idempotency key its job, or frees it.
-- KEYS[1] the key    ARGV[1] token; [2] job, empty to free the key; [3] seconds; [4] fingerprint
-- Answers: made | refused
local value = redis.call('GET', KEYS[1])
if not value then
  if ARGV[2] == '' then return { 'refused' } end
  -- The claim was lost with the data of Redis, or has run out: the job is there all the same.
  redis.call('SET', KEYS[1], cjson.encode({ token = ARGV[1], fingerprint = ARGV[4], job = ARGV[2] }), 'EX', ARGV[3])
  return { 'made' }
end
local known = cjson.decode(value)
if known.token ~= ARGV[1] then return { 'refused' } end
if ARGV[2] == '' then
  redis.call('DEL', KEYS[1])
  return { 'made' }
end
known.job = ARGV[2]
redis.call('SET', KEYS[1], cjson.encode(known), 'EX', ARGV[3])
return { 'made' }
