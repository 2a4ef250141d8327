-- Tells a node by its own channel how far the messages there have got, and whether this is still the data it knew.
--
-- KEYS  1 channel     2 hash   its count     3 string   the history: <server's run>:<when it was first met, us>
-- ARGV  1 the run of the server that we talk to     2 time to live of 3, ms
--
-- A history ends with its data (the key is gone) and with a failover (it names another run than the server's): then
-- another begins, and every node sees that it did.
--
-- Returns {number of the last message, history, how many heard it}

local history = redis.call('GET', KEYS[3])
if not history or string.match(history, '^[^:]*') ~= ARGV[1] then
  local time = redis.call('TIME')
  history = ARGV[1] .. ':' .. time[1] .. string.format('%06d', tonumber(time[2]))
  redis.call('SET', KEYS[3], history, 'PX', ARGV[2])
else
  redis.call('PEXPIRE', KEYS[3], ARGV[2])
end
local n = tonumber(redis.call('HGET', KEYS[2], 'n') or '0')
redis.call('PEXPIRE', KEYS[2], COUNT_TTL)
local heard = redis.call('SPUBLISH', KEYS[1], '\4' .. struct.pack('>I4I4', n % 4294967296, 0))
return { n, history, heard }
