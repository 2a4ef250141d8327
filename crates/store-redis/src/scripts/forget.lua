-- Takes a deadline away whose document is gone.
--
-- KEYS  1 hash     the document
--       2 zset     deadlines
-- ARGV  1 member
--
-- Returns 1 if it was taken away, 0 if the document exists or there was none.

if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
return redis.call('ZREM', KEYS[2], ARGV[1])
