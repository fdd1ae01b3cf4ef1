-- Claims an idempotency key, or says what it stands for.
-- KEYS[1] the key    ARGV[1] token; [2] fingerprint; [3] seconds; [4] a job that the key may be taken from, or empty
-- Answers: claimed | known, job | busy | mismatch
local value = redis.call('GET', KEYS[1])
local known = value and cjson.decode(value)
if not value or (known.job and known.job == ARGV[4] and known.fingerprint == ARGV[2]) then
  redis.call('SET', KEYS[1], cjson.encode({ token = ARGV[1], fingerprint = ARGV[2] }), 'EX', ARGV[3])
  return { 'claimed' }
end
if known.fingerprint ~= ARGV[2] then return { 'mismatch' } end
if known.job then return { 'known', known.job } end
if known.token == ARGV[1] then return { 'claimed' } end
return { 'busy' }
