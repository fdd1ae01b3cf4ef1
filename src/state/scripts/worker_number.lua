-- A small number for a worker's id, the same for ever.
-- KEYS[1] workers:numbers    ARGV[1] worker id; [2] the largest number
-- Answers: made, number (0 when all are taken)
local number = redis.call('HGET', KEYS[1], ARGV[1])
if number then return { 'made', number } end
number = redis.call('HLEN', KEYS[1]) + 1
if number > tonumber(ARGV[2]) then return { 'made', '0' } end
redis.call('HSET', KEYS[1], ARGV[1], number)
return { 'made', tostring(number) }
