-- Takes a device's route away if it is this connection's.
--
-- KEYS  1 hash     the user
-- ARGV  1 device   2 connection, twenty digits
--
-- Returns 1 if it was, 0 if not.

local field = 'd:' .. ARGV[1]
local route = redis.call('HGET', KEYS[1], field)
if not route or string.sub(route, 1, 20) ~= ARGV[2] then return 0 end
return redis.call('HDEL', KEYS[1], field)
