-- Notes which store a service has; forgets services that have not said so for an hour.
-- KEYS[1] the stores of services    ARGV[1] service; [2] id, empty for none; [3] where
local at = now_ms()
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode({ id = ARGV[2], place = ARGV[3], at_ms = at }))
local all = redis.call('HGETALL', KEYS[1])
for field = 1, #all, 2 do
  local known, said = pcall(cjson.decode, all[field + 1])
  if not known or type(said) ~= 'table' or (tonumber(said.at_ms) or 0) < at - 3600000 then
    redis.call('HDEL', KEYS[1], all[field])
  end
end
redis.call('EXPIRE', KEYS[1], 3600)
return { 'made', string.format('%.0f', at) }
