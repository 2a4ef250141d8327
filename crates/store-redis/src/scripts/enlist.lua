-- Adds a call to a user's list, unless it holds too many others, or it was tried too often of late.
--
-- KEYS  1 hash     the user
--       2 string   when the attempts that have come would have come at their pace, ms
-- ARGV  1 call   2 when, ms   3 most calls   4 time to live, ms
--       5 between two attempts, ms; absent if it counts as none   6 how far ahead of their pace they may be, ms
--
-- Returns {1, record} with the call on the list, {0, record} if the list is full, or {2, ms} if it is too soon, and for
-- how long.

local field = 'c:' .. ARGV[1]
local record, calls = redis.call('HGETALL', KEYS[1]), 0
for i = 1, #record, 2 do
  if record[i] == field then
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
    return { 1, record }
  end
  if string.sub(record[i], 1, 2) == 'c:' then calls = calls + 1 end
end

if ARGV[5] then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local even = math.max(now, tonumber(redis.call('GET', KEYS[2]) or 0)) + tonumber(ARGV[5])
  local wait = even - now - tonumber(ARGV[6])
  if wait > 0 then return { 2, wait } end
  redis.call('SET', KEYS[2], string.format('%.0f', even), 'PX', string.format('%.0f', even - now))
end
if calls >= tonumber(ARGV[3]) then return { 0, record } end

redis.call('HSET', KEYS[1], field, ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
record[#record + 1] = field
record[#record + 1] = ARGV[2]
return { 1, record }
