-- Publishes to a node, so that it can tell when it has missed something, and what.
--
-- channel, count: the node's in this partition. The count is a hash: n is the number of the last message, and the
-- fields 0 to 63 say of the last 64 what they were: <number>:c<call> or <number>:m<message>.

local function publish(channel, count, kind, what, body, tail)
  local n = redis.call('HINCRBY', count, 'n', 1)
  redis.call('HSET', count, n % 64, n .. ':' .. what)
  if n == 1 then redis.call('PEXPIRE', count, COUNT_TTL) end
  return redis.call('SPUBLISH', channel, kind .. struct.pack('>I4I4', n % 4294967296, #body) .. body .. tail)
end
