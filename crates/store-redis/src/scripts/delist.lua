-- Takes a call off a user's list, and may remember it as one of the last that have ended.
--
-- KEYS  1 hash     the user
-- ARGV  1 call   2 when it ended, ms; '' if it is not to be remembered   3 until when it is, ms   4 how many are
--       5 time to live, ms

redis.call('HDEL', KEYS[1], 'c:' .. ARGV[1])
if ARGV[2] == '' then return 1 end

redis.call('HSET', KEYS[1], 'e:' .. ARGV[1], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
local ended, record = {}, redis.call('HGETALL', KEYS[1])
for i = 1, #record, 2 do
  if string.sub(record[i], 1, 2) == 'e:' then
    local till = tonumber(record[i + 1])
    if till <= tonumber(ARGV[2]) then
      redis.call('HDEL', KEYS[1], record[i])
    else
      ended[#ended + 1] = { till, record[i] }
    end
  end
end
table.sort(ended, function(a, b) return a[1] < b[1] end)
for i = 1, #ended - tonumber(ARGV[4]) do redis.call('HDEL', KEYS[1], ended[i][2]) end
return 1
