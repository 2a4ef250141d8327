-- Hands letters of an outbox out to the holder of its lease.
--
-- KEYS  1 stream   the outbox     2 string   the lease: its holder
-- ARGV  1 holder   2 time of the lease, ms   3 how many letters at most
--       4 the letter after which those that are pending are handed out, '' if all of them have been
--       5 the group that reads
--
-- Returns {0}                                   there is nothing to deliver; nothing is changed
--         {1}                                   the lease is another's; nothing is changed
--         {2, anew, lost, after, id, letter, …} anew: 1 if the lease was free (then all that is pending is handed out from the
--                                               start); lost: pending letters that are not kept any more; after: where to
--                                               go on among the pending, or ''
--
-- One group reads, as one consumer whoever that is: what is pending passes from one holder to the next. Others may read the
-- stream in groups of their own. `@include group.lua` finds it.

local CONSUMER = 'gateway'
local stream, lease, most, GROUP = KEYS[1], KEYS[2], tonumber(ARGV[3]), ARGV[5]

local there, ours = group_of(stream, GROUP)
if not there then return { 0 } end
if ours and ours['pending'] == 0 and ours['lag'] == 0 then return { 0 } end

local holder = redis.call('GET', lease)
if holder and holder ~= ARGV[1] then return { 1 } end
redis.call('SET', lease, ARGV[1], 'PX', ARGV[2])
if not ours then redis.call('XGROUP', 'CREATE', stream, GROUP, '0') end

local after, answer = ARGV[4], { 2, 0, 0, '' }
if not holder then after, answer[2] = '0', 1 end

local function hand_out(from, count)
  local read = redis.call('XREADGROUP', 'GROUP', GROUP, CONSUMER, 'COUNT', count, 'STREAMS', stream, from)
  local letters = read and read[1][2] or {}
  for _, letter in ipairs(letters) do
    if letter[2] then
      answer[#answer + 1], answer[#answer + 2] = letter[1], letter[2][2]
    else
      redis.call('XACK', stream, GROUP, letter[1])
      answer[3] = answer[3] + 1
    end
  end
  return #letters, #letters > 0 and letters[#letters][1] or from
end

if most == 0 then
  answer[4] = after
  return answer
end
if after ~= '' then
  local count, last = hand_out(after, most)
  if count == most then
    answer[4] = last
    return answer
  end
  most = most - count
end
hand_out('>', most)
return answer
