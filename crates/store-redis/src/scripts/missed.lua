-- The missed calls that a device does not know of, the newest first.
--
-- KEYS  1 zset     missed calls by the moment at which each was written down, ms
--       2 hash     the log's records
--       3 zset     devices by the moment until which each knows of them, ms
-- ARGV  1 device   2 until when it knows of them in any case, ms   3 how many at most
--
-- Returns {the last moment, record, record, ...}; {0} where there are none.

local confirmed = math.max(tonumber(ARGV[2]), tonumber(redis.call('ZSCORE', KEYS[3], ARGV[1]) or '0'))
local unknown = redis.call('ZRANGE', KEYS[1], '+inf', string.format('(%.0f', confirmed), 'BYSCORE', 'REV',
  'LIMIT', 0, ARGV[3], 'WITHSCORES')
local reply = { unknown[2] or '0' }
for i = 1, #unknown, 2 do
  local record = redis.call('HGET', KEYS[2], unknown[i])
  if record then reply[#reply + 1] = record end
end
return reply
