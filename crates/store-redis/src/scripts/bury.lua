-- Moves a pending letter of an outbox to the dead ones.
--
-- KEYS  1 stream   the outbox     2 stream   the dead letters
-- ARGV  1 id   2 letter   3 why   4 how long the dead are kept, ms
--
-- Returns 1, or 0 if it was not pending.

if redis.call('XACK', KEYS[1], 'webhooks', ARGV[1]) == 0 then return 0 end
local oldest = redis.call('TIME')[1] * 1000 - tonumber(ARGV[4])
redis.call('XADD', KEYS[2], 'MINID', '~', string.format('%.0f', math.max(oldest, 0)), '*', 'event', ARGV[2], 'why', ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1
