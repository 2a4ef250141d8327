-- Puts a dead letter into its outbox anew. `@include post.lua` keeps the outbox within its bounds.
--
-- KEYS  1 stream   the outbox     2 stream   the dead letters
-- ARGV  1 id among the dead   2 how long letters are kept, ms   3 how many are
--
-- Returns 1, or 0 if there is no such letter.

local found = redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1])
if #found == 0 then return 0 end
post(KEYS[1], ARGV[2], ARGV[3], 'event', found[1][2][2])
redis.call('XDEL', KEYS[2], ARGV[1])
return 1
