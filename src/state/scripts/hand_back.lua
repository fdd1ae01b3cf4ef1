-- Removes one incarnation from those that hold a tile: it was drained, not finished.
-- KEYS[1] tries:S    ARGV[1] index; [2] incarnation
-- Answers: made
local left, count = {}, 0
for one in string.gmatch(redis.call('HGET', KEYS[1], ARGV[1]) or '', '[^,]+') do
  if one ~= ARGV[2] then
    count = count + 1
    left[count] = one
  end
end
if count == 0 then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], table.concat(left, ','))
end
return { 'made' }
