-- Gives a lease up.
--
-- KEYS  1 string   the lease: its holder
-- ARGV  1 holder
--
-- Returns 1, or 0 if it is not the holder's.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
