-- Moves a deadline to another time, unless it is later than this, or takes it away, if it is this one; unless its document
-- is gone.
--
-- KEYS  1 zset     deadlines
--       2 hash     the document
-- ARGV  1 member   2 the time, ms   3 the next deadline, ms; '' takes it away
--
-- Returns 1 if it did.

local score, due = redis.call('ZSCORE', KEYS[1], ARGV[1]), tonumber(ARGV[2])
local at = score and tonumber(score)
if not at or at > due or redis.call('EXISTS', KEYS[2]) == 0 then return 0 end
if ARGV[3] ~= '' then
  redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
  return 1
end
if at ~= due then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
