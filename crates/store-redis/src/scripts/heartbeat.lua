-- Proves that a node lives, and tells who else does and what time it is.
--
-- KEYS  1 zset     nodes: node -> until when it lives, ms
-- ARGV  1 node   2 for how long, ms   3 least time to live of the key, ms
--
-- Returns {now in ms, node, node, ...}

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2])), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local reply = redis.call('ZRANGE', KEYS[1], 0, -1)
table.insert(reply, 1, now)
return reply
