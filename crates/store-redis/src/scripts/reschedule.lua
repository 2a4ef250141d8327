-- Moves a deadline to another time, or takes it away, unless it is later than this or its document is gone.
--
-- KEYS  1 zset     deadlines
--       2 hash     the document
-- ARGV  1 member   2 the time, ms   3 the next deadline, ms; '' takes it away
--
-- Returns 1 if it did.

local at = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not at or tonumber(at) > tonumber(ARGV[2]) or redis.call('EXISTS', KEYS[2]) == 0 then return 0 end
if ARGV[3] == '' then return redis.call('ZREM', KEYS[1], ARGV[1]) end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
return 1
