-- Adds a call to a user's list, unless it holds too many others.
--
-- KEYS  1 hash     the user
-- ARGV  1 call   2 when, ms   3 most calls   4 time to live, ms
--
-- Returns {1, record} with the call on the list, or {0, record} if the list is full.

local field = 'c:' .. ARGV[1]
local record, calls = redis.call('HGETALL', KEYS[1]), 0
for i = 1, #record, 2 do
  if record[i] == field then
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
    return { 1, record }
  end
  if string.sub(record[i], 1, 2) == 'c:' then calls = calls + 1 end
end
if calls >= tonumber(ARGV[3]) then return { 0, record } end

redis.call('HSET', KEYS[1], field, ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
record[#record + 1] = field
record[#record + 1] = ARGV[2]
return { 1, record }
