-- Moves a pending letter of an outbox to the dead ones. `@include post.lua` keeps those within their bounds.
--
-- KEYS  1 stream   the outbox     2 stream   the dead letters
-- ARGV  1 id   2 letter   3 why   4 how long the dead are kept, ms   5 how many are
--       6 the group that reads the outbox
--
-- Returns 1, or 0 if it was not pending.

if redis.call('XACK', KEYS[1], ARGV[6], ARGV[1]) == 0 then return 0 end
post(KEYS[2], ARGV[4], ARGV[5], 'event', ARGV[2], 'why', ARGV[3])
return 1
