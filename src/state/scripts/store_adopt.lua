-- Makes a store the system's, unless the system has one; tells which it is.
-- KEYS[1] the system's store    ARGV[1] id; [2] where; [3] now; [4] 1: also if the system has another
-- Answers: id, where, since
if ARGV[4] == '1' or redis.call('HEXISTS', KEYS[1], 'id') == 0 then
  redis.call('HSET', KEYS[1], 'id', ARGV[1], 'place', ARGV[2], 'since', ARGV[3])
end
local store = redis.call('HMGET', KEYS[1], 'id', 'place', 'since')
return { store[1], store[2] or '', store[3] or '' }
