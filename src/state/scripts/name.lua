-- Takes, renews or gives up a name that one process of a kind holds at a time.
-- KEYS[1] name:KIND:NAME
-- ARGV[1] the holder; [2] milliseconds to live, 0 to give it up; [3] a holder that is known to be dead, or nothing
-- Answers: made | taken, by whom
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and holder ~= ARGV[3] then return { 'taken', holder } end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return { 'made' }
