-- A part of a user's log, the newest call first.
--
-- KEYS  1 zset     the log: calls by their end, ms
--       2 hash     its records
-- ARGV  1 how many at most   2 only those that ended then or later, ms
--       3 after the one that ended then, ms; '' from the newest on   4 which that is
--
-- Returns {call, end, record, call, end, record, ...}

local from, ties = '+inf', 0
if ARGV[3] ~= '' then
  from, ties = ARGV[3], redis.call('ZCOUNT', KEYS[1], ARGV[3], ARGV[3])
end
local found = redis.call('ZRANGE', KEYS[1], from, ARGV[2], 'BYSCORE', 'REV',
  'LIMIT', 0, ties + tonumber(ARGV[1]), 'WITHSCORES')
local page = {}
for i = 1, #found, 2 do
  local passed = found[i + 1] == ARGV[3] and found[i] >= ARGV[4]
  local record = not passed and redis.call('HGET', KEYS[2], found[i])
  if record and #page < 3 * tonumber(ARGV[1]) then
    page[#page + 1], page[#page + 2], page[#page + 3] = found[i], found[i + 1], record
  end
end
return page
