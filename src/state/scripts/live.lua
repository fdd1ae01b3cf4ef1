-- The live workers: what they can run at once and whether all reach a store, or which starts of them live.
-- KEYS[1] workers    ARGV[1] what the keys of workers begin with; [2] milliseconds that a worker lives at most; [3] starts | slots;
-- [4] a store's id
-- Answers: made, slots, workers that take tiles, how many of them reach the store | made, starts, separated by commas
local slots, starts, taking, sharing = 0, {}, 0, 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], string.format('%.0f', now_ms() - tonumber(ARGV[2])), '+inf')) do
  local worker = redis.call('HMGET', ARGV[1] .. id, 'incarnation', 'slots', 'status', 'store')
  if worker[1] then
    starts[#starts + 1] = worker[1]
    if worker[3] ~= 'draining' then
      slots, taking = slots + (tonumber(worker[2]) or 0), taking + 1
      if worker[4] == ARGV[4] then sharing = sharing + 1 end
    end
  end
end
if ARGV[3] == 'starts' then return { 'made', table.concat(starts, ',') } end
return { 'made', string.format('%.0f', math.min(slots, 4294967295)), tostring(taking), tostring(sharing) }
