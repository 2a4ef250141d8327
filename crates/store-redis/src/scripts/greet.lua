-- What a new connection has to know of its user's partition: whose a session is, and what time it is there.
--
-- KEYS  1 string   the session: its device, a blank, notes
--
-- Returns {session or '', seconds, microseconds}. The time is the one of the user's own server, so that two connections
-- of a user are told apart by one clock, whichever gateways they come to.

local time = redis.call('TIME')
return { redis.call('GET', KEYS[1]) or '', time[1], time[2] }
