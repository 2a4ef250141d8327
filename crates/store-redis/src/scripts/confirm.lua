-- A device says until when it knows of missed calls; an older word does not take the place of a newer one.
--
-- KEYS  1 zset     devices by that moment, ms
-- ARGV  1 device   2 until when, ms   3 how many devices are kept   4 time to live, ms

redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - tonumber(ARGV[3]))
return redis.call('PEXPIRE', KEYS[1], ARGV[4])
