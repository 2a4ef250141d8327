-- Takes a call off a user's list, and may remember it as one of the last that have ended, and write it into the user's
-- log.
--
-- KEYS  1 hash     the user
--       2 zset     the log: calls by their end, ms
--       3 zset     the missed ones of them, by the moment at which each was written down, ms: no two at the same
--       4 hash     the log's records
--       5 zset     the last calls that have ended, by the moment until which each is remembered, ms
-- ARGV  1 call   2 when it ended, ms; '' if it is not to be remembered   3 until when it is, ms   4 how many are
--       5 for how long, ms
--       6 record; absent if none is written   7 '1' if it was missed   8 how many are kept   9 for how long, ms

redis.call('HDEL', KEYS[1], 'c:' .. ARGV[1])
if ARGV[2] == '' then return 1 end

local ended = KEYS[5]
redis.call('ZADD', ended, ARGV[3], ARGV[1])
redis.call('ZREMRANGEBYSCORE', ended, '-inf', ARGV[2])
redis.call('ZREMRANGEBYRANK', ended, 0, -1 - tonumber(ARGV[4]))
redis.call('PEXPIRE', ended, ARGV[5])
if not ARGV[6] then return 1 end

local log, missed, records, age = KEYS[2], KEYS[3], KEYS[4], tonumber(ARGV[9])
redis.call('ZADD', log, ARGV[2], ARGV[1])
redis.call('HSET', records, ARGV[1], ARGV[6])
if ARGV[7] ~= '1' then
  redis.call('ZREM', missed, ARGV[1])
elseif not redis.call('ZSCORE', missed, ARGV[1]) then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local last = redis.call('ZRANGE', missed, -1, -1, 'WITHSCORES')[2]
  if last then now = math.max(now, tonumber(last) + 1) end
  redis.call('ZADD', missed, string.format('%.0f', now), ARGV[1])
end

local old = redis.call('ZCOUNT', log, '-inf', string.format('(%.0f', tonumber(ARGV[2]) - age))
local excess = math.max(old, redis.call('ZCARD', log) - tonumber(ARGV[8]))
if excess > 0 then
  for _, call in ipairs(redis.call('ZRANGE', log, 0, excess - 1)) do
    redis.call('ZREM', log, call)
    redis.call('ZREM', missed, call)
    redis.call('HDEL', records, call)
  end
end
for i = 2, 4 do redis.call('PEXPIRE', KEYS[i], ARGV[9]) end
return 1
