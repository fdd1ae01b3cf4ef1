-- Put before every script. One job's keys, whose names are made from the hash's; and, where a job's status changes, the
-- indexes over jobs, so that hash and indexes change in one step. They are the last of KEYS: `jobs`, `jobs:ready`, then
-- `jobs:status:X` in the order of STATUSES.
local STATUSES = { 'accepting', 'queued', 'processing', 'finishing', 'done', 'failed', 'cancelled', 'expired' }
local JOBS, READY = 1, 2

-- Removes a key that holds another kind of value than `kind`: nothing of Tessera's is in it. Says whether it did.
local function only(key, kind)
  local is = redis.call('TYPE', key).ok
  if is == kind or is == 'none' then return false end
  redis.call('DEL', key)
  return true
end

-- The name of an index, by its place among them. One that holds something else starts over; the monitor's repair, once
-- a minute, enters the other jobs again.
local function index(at)
  local name = KEYS[#KEYS - #STATUSES - 2 + at]
  only(name, 'zset')
  return name
end

local function id_of_job() return string.match(KEYS[1], '{([^{}]*)}$') end

local function ended(status)
  return status == 'done' or status == 'failed' or status == 'cancelled' or status == 'expired'
end

local function working(status)
  return status == 'queued' or status == 'processing' or status == 'finishing'
end

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- A state change for the job's page.
local function note(job, at, status, text)
  only(job .. ':events', 'stream')
  redis.call('XADD', job .. ':events', 'MAXLEN', '~', 200, '*', 'at', at, 'status', status, 'text', text)
end

-- Enters the job in the index of its status, and takes it out of all others. One that is `accepting` is in none.
-- All scores are 0: ids begin with their time, so the order of ids is the order of age.
local function enter_indexes(status)
  local id = id_of_job()
  for at, name in ipairs(STATUSES) do
    if name == status and status ~= 'accepting' then
      redis.call('ZADD', index(2 + at), 0, id)
    else
      redis.call('ZREM', index(2 + at), id)
    end
  end
  if status ~= 'accepting' then redis.call('ZADD', index(JOBS), 0, id) end
  if ended(status) then redis.call('ZREM', index(READY), id) end
end

local function leave_indexes()
  for at = 1, #STATUSES + 2 do redis.call('ZREM', index(at), id_of_job()) end
end

-- Sets the job's status, and moves the job between the indexes.
local function set_status(status)
  redis.call('HSET', KEYS[1], 'status', status)
  enter_indexes(status)
end

-- Milliseconds since 1970 of a time as Rust writes it (RFC 3339, UTC); 0 if it is not one.
local function millis(text)
  local y, m, d, hours, minutes, seconds, rest =
    string.match(text or '', '^(%d%d%d%d)-(%d%d)-(%d%d)T(%d%d):(%d%d):(%d%d)%.?(%d*)Z$')
  if not y then return 0 end
  y, m, d = tonumber(y), tonumber(m), tonumber(d)
  -- Days since 1970 by the civil calendar, whose years begin in March here.
  if m <= 2 then y, m = y - 1, m + 12 end
  local days = 365 * y + math.floor(y / 4) - math.floor(y / 100) + math.floor(y / 400)
    + math.floor((153 * (m - 3) + 2) / 5) + d - 1 - 719468
  local ms = tonumber(string.sub(rest .. '000', 1, 3))
  return ((days * 24 + tonumber(hours)) * 60 + tonumber(minutes)) * 60000 + tonumber(seconds) * 1000 + ms
end

-- Enters the job among those that want a reading pass. The highest score is read first: a priority is worth more than
-- any age, an older job more than a younger; as `ready_score` in Rust has it.
local function enter_ready()
  local job = redis.call('HMGET', KEYS[1], 'priority', 'created_at')
  local rank = ({ low = 1, high = 3 })[job[1]] or 2
  local score = rank * 10000000000000 - math.min(math.max(millis(job[2]), 0), 9999999999999)
  redis.call('ZADD', index(READY), string.format('%.0f', score), id_of_job())
end

-- Says that the job wants a reading pass, also if one is under way: the pass then ends as ready.
local function want_pass()
  redis.call('HSET', KEYS[1], 'again', 1)
  enter_ready()
end

-- Takes the job out of the ready ones, unless another pass is wanted.
local function leave_ready(status)
  local is_readable = status == 'queued' or status == 'processing'
  if is_readable and redis.call('HEXISTS', KEYS[1], 'again') == 1 then
    enter_ready()
  else
    redis.call('ZREM', index(READY), id_of_job())
  end
end

-- Adds milliseconds to a step of the job, and of its stage if one is named. For people, never for decisions.
local function add_time(job, step, stage, ms)
  redis.call('HINCRBYFLOAT', job, 'ms_' .. step, ms)
  if stage ~= '' then redis.call('HINCRBYFLOAT', job, 'ms_' .. step .. ':' .. stage, ms) end
end

-- Sets a time to what has passed since the moment that the field `since` keeps.
local function set_time(job, name, since)
  -- Earlier versions left out the `_at`, as if it were a duration.
  local old = string.gsub(since, '_at_ms$', '_ms')
  local began = tonumber(redis.call('HGET', job, since) or redis.call('HGET', job, old) or '')
  if began then redis.call('HSET', job, name, string.format('%.0f', math.max(0, now_ms() - began))) end
end

-- The times of the job and of the stage that it is in, at its end.
local function end_times(job)
  redis.call('HSET', job, 'finished_ms', string.format('%.0f', now_ms()))
  set_time(job, 'ms_total', 'queued_at_ms')
  local kernels = 0
  for stage = 0, math.min(tonumber(redis.call('HGET', job, 'stage') or '0') or 0, 63) do
    kernels = kernels + (tonumber(redis.call('HGET', job, 'ms_kernels:' .. stage) or '0') or 0)
  end
  redis.call('HSET', job, 'ms_kernels', string.format('%.3f', kernels))
  set_time(job, 'ms_total:' .. (redis.call('HGET', job, 'stage') or '0'), 'stage_at_ms')
end

-- Keeps a moment, in milliseconds since 1970: the names of such fields end in `_at_ms`.
local function keep_moment(job, name)
  redis.call('HSET', job, name, string.format('%.0f', now_ms()))
end

-- Calls `act` with every key that the job's stages may have.
local function each_stage_key(job, act)
  local stages = tonumber(redis.call('HGET', job, 'stages') or '1') or 1
  for stage = 0, math.min(stages, 64) - 1 do
    act(job .. ':tiles:' .. stage)
    act(job .. ':by:' .. stage)
    act(job .. ':tries:' .. stage)
    act(job .. ':inline:' .. stage)
  end
end

local function expire_all(job, seconds)
  local function expire(key) redis.call('EXPIRE', key, seconds) end
  expire(job)
  expire(job .. ':events')
  each_stage_key(job, expire)
end

-- Sets total, tile and grid of a stage from the field `grid:S`: tiles, tile sides, grid sides.
local function enter_stage(job, stage)
  local grid = redis.call('HGET', job, 'grid:' .. stage)
  local names = { 'total_tiles', 'tile_width', 'tile_height', 'grid_width', 'grid_height' }
  local at = 1
  for number in string.gmatch(grid or '', '%d+') do
    if names[at] then redis.call('HSET', job, names[at], number) end
    at = at + 1
  end
  redis.call('HSET', job, 'stage', stage, 'received_tiles', 0)
  keep_moment(job, 'progress_ms')
end

-- Begins a run of the job: queued, at the first stage, without tiles. `why` is for the job's page.
local function begin_run(job, run, now, why)
  each_stage_key(job, function(key) redis.call('DEL', key) end)
  redis.call('HDEL', job, 'final_filename', 'digest')
  redis.call('HDEL', job, 'reason', 'finished_at', 'started_at', 'lease', 'lease_until', 'again', 'claim', 'spool',
    'stitcher', 'splitter', 'rows', 'worker', 'rows_permille', 'stage_at_ms', 'queued_ms', 'stage_ms', 'started_ms', 'finished_ms', 'in_line_ms')
  for _, field in ipairs(redis.call('HKEYS', job)) do
    local is_time = string.sub(field, 1, 3) == 'ms_' and field ~= 'ms_upload'
    if is_time or string.sub(field, 1, 8) == 'numbers:' then redis.call('HDEL', job, field) end
  end
  keep_moment(job, 'queued_at_ms')
  set_status('queued')
  want_pass()
  redis.call('HSET', job, 'run', run, 'attempts', 0, 'updated_at', now)
  enter_stage(job, 0)
  redis.call('PERSIST', job)
  note(job, now, 'queued', 'run ' .. run .. why)
  redis.call('PERSIST', job .. ':events')
end
