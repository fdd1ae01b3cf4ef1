-- Adds lines to what the sender should know of a job; those that are there already stay once.
-- KEYS[1] the hash    ARGV[1] now; [2...] lines
-- Answers: added | unknown
local known = redis.call('HGET', KEYS[1], 'notices')
if not known then return { 'unknown' } end
for at = 2, #ARGV do
  if not string.find('\n' .. known .. '\n', '\n' .. ARGV[at] .. '\n', 1, true) then
    known = known == '' and ARGV[at] or known .. '\n' .. ARGV[at]
  end
end
redis.call('HSET', KEYS[1], 'notices', known, 'updated_at', ARGV[1])
return { 'added' }
