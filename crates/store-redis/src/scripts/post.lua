-- Included by the scripts that put a letter into an outbox.

local function post(outbox, letter, keep, most)
  local oldest = redis.call('TIME')[1] * 1000 - tonumber(keep)
  redis.call('XADD', outbox, 'MINID', '~', string.format('%.0f', math.max(oldest, 0)), '*', 'event', letter)
  redis.call('XTRIM', outbox, 'MAXLEN', '~', most)
  redis.call('PEXPIRE', outbox, keep)
end

