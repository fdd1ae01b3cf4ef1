-- Put before every script. One job's keys only; the names of a stage's keys are made from the hash's
-- name, whose braces keep them in its cluster slot.

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
  redis.call('XADD', job .. ':events', 'MAXLEN', '~', 200, '*', 'at', at, 'status', status, 'text', text)
end

-- Adds milliseconds to a step of the job, and of its stage if one is named. For people, never for decisions.
local function add_time(job, step, stage, ms)
  redis.call('HINCRBYFLOAT', job, 'ms_' .. step, ms)
  if stage ~= '' then redis.call('HINCRBYFLOAT', job, 'ms_' .. step .. ':' .. stage, ms) end
end

-- Sets a time to what has passed since the moment that the field `since` keeps.
local function set_time(job, name, since)
  local began = tonumber(redis.call('HGET', job, since) or '')
  if began then redis.call('HSET', job, name, string.format('%.0f', math.max(0, now_ms() - began))) end
end

-- The times of the job and of the stage that it is in, at its end.
local function end_times(job)
  redis.call('HSET', job, 'finished_ms', string.format('%.0f', now_ms()))
  set_time(job, 'ms_total', 'queued_ms')
  local kernels = 0
  for stage = 0, tonumber(redis.call('HGET', job, 'stage') or '0') do
    kernels = kernels + tonumber(redis.call('HGET', job, 'ms_kernels:' .. stage) or '0')
  end
  redis.call('HSET', job, 'ms_kernels', string.format('%.3f', kernels))
  set_time(job, 'ms_total:' .. (redis.call('HGET', job, 'stage') or '0'), 'stage_ms')
end

-- Keeps the moment that a field's name says.
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
