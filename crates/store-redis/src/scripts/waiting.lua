-- Counts the letters of an outbox that were not delivered yet. `@include group.lua` finds the group that delivers them.
--
-- KEYS  1 stream   the outbox
-- ARGV  1 the group that reads
--
-- Returns how many are pending or have not been read.

local there, ours = group_of(KEYS[1], ARGV[1])
if not there then return 0 end
local length = redis.call('XLEN', KEYS[1])
if not ours then return length end
-- Redis counts those that were trimmed before anybody has read them as well, and where it can't tell it says nothing.
local unread = math.min(ours['lag'] or length, length)
return ours['pending'] + unread
