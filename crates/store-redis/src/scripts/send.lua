-- Sends a node a message that belongs to no log.
--
-- KEYS  1 channel     2 hash   its count
-- ARGV  1 message
--
-- Returns how many heard it.

return publish(KEYS[1], KEYS[2], '\3', 'm' .. ARGV[1], ARGV[1], '')
