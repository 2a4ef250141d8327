-- Included by the scripts that put a letter into an outbox, or among the dead ones: its fields, and their values.

local function post(stream, keep, most, ...)
  local oldest = redis.call('TIME')[1] * 1000 - tonumber(keep)
  redis.call('XADD', stream, 'MINID', '~', string.format('%.0f', math.max(oldest, 0)), '*', ...)
  redis.call('XTRIM', stream, 'MAXLEN', '~', most)
  redis.call('PEXPIRE', stream, keep)
end

