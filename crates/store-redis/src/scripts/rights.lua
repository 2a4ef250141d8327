-- Tries every command that the other scripts call, on keys that nobody else uses.
--
-- KEYS  1 hash   2 list   3 zset   4 stream   5 string   6 channel
-- ARGV  1 time to live, ms
--
-- Returns {command, error, ...}: those that failed. The keys are gone afterwards, or, if DEL fails, after their time to live.

local hash, list, zset, stream, text, channel = unpack(KEYS)
local failed = {}

local function try(...)
  local answer = redis.pcall(...)
  if type(answer) == 'table' and answer.err then
    failed[#failed + 1], failed[#failed + 2] = ..., answer.err
  end
end

try('SET', text, '1', 'PX', ARGV[1])
try('GET', text)
try('EXISTS', text)
try('PTTL', text)
try('PEXPIRE', text, ARGV[1])
try('TIME')
try('HSET', hash, 'a', '1')
try('HINCRBY', hash, 'a', 1)
try('HGET', hash, 'a')
try('HGETALL', hash)
try('RPUSH', list, 'a')
try('ZADD', zset, '1', 'a')
try('ZRANGE', zset, 0, -1)
try('ZSCORE', zset, 'a')
try('ZCARD', zset)
try('ZCOUNT', zset, '-inf', '+inf')
try('ZREMRANGEBYRANK', zset, 5, 5)
try('ZREMRANGEBYSCORE', zset, '5', '5')
try('XADD', stream, '1-1', 'event', 'a')
try('XADD', stream, '2-1', 'event', 'b')
try('XLEN', stream)
try('XRANGE', stream, '-', '+')
try('XGROUP', 'CREATE', stream, 'g', '0')
try('XINFO', 'GROUPS', stream)
try('XREADGROUP', 'GROUP', 'g', 'c', 'COUNT', 1, 'STREAMS', stream, '>')
try('XACK', stream, 'g', '1-1')
try('XTRIM', stream, 'MAXLEN', '~', 1000)
try('XDEL', stream, '2-1')
for i = 1, 4 do try('PEXPIRE', KEYS[i], ARGV[1]) end
try('HDEL', hash, 'a')
try('ZREM', zset, 'a')
try('SPUBLISH', channel, '')
try('DEL', hash, list, zset, stream, text)
return failed
