-- Claims a stage for a stitcher. The same spool keeps its tiles, and the same stitcher its token; another spool starts from
-- no tiles.
-- KEYS[1] the hash; [2] tiles:S; [3] by:S; then the indexes
-- ARGV[1] stage; [2] spool id; [3] new token; [4] stitcher; [5] now
-- Answers: held, token | cleared, token, tiles it had, from | ended | stage, the job's stage | unknown
local job = redis.call('HMGET', KEYS[1], 'status', 'stage', 'spool', 'claim', 'stitcher')
if not job[1] or job[1] == 'accepting' then return { 'unknown' } end
if ended(job[1]) then return { 'ended' } end
if job[2] ~= ARGV[1] then return { 'stage', job[2] or '0' } end
if job[3] == ARGV[2] and job[4] then
  if job[5] == ARGV[4] then return { 'held', job[4] } end
  -- Slots in the store belong to the stage: a stitcher that takes it over has its tiles too, and the other is fenced off.
  redis.call('HSET', KEYS[1], 'claim', ARGV[3], 'stitcher', ARGV[4], 'updated_at', ARGV[5])
  return { 'held', ARGV[3] }
end
local had = redis.call('BITCOUNT', KEYS[2])
redis.call('DEL', KEYS[2], KEYS[3])
redis.call('HSET', KEYS[1], 'spool', ARGV[2], 'claim', ARGV[3], 'stitcher', ARGV[4], 'received_tiles', 0,
  'updated_at', ARGV[5])
-- The tiles that made it `finishing` are in a spool that is no longer read.
if job[1] == 'finishing' then
  set_status('processing')
  note(KEYS[1], ARGV[5], 'processing', 'another stitcher took over')
end
return { 'cleared', ARGV[3], tostring(had), job[1] }
