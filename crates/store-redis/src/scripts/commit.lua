-- Compare and set one versioned document, with what belongs to it, in one step.
--
-- KEYS  1 hash     the document: v version, d bytes, and a field for each log entry
--       2 list     the document's notes
--       3..        two for each node: its channel, and the hash that counts what is published there
--       then, if ARGV[5] is not empty:
--         zset     deadlines: member -> milliseconds
--         string   the pointer that at most one member holds
--       last       the outbox, a stream, if anything is put there
-- ARGV  1 expected version, '0' for none     2 version from now on     3 document     4 member
--       5 time to live of hash, list and pointer, ms; '' leaves it, the deadline and the pointer as they are
--       6 deadline, ms; '' takes it away
--       7 '-' if the pointer is not claimed; else a member that may hold it although it is claimed, or ''
--       8 number of nodes
--       9 how many fields are taken out of 1, then these
--         entries: field, body, nodes: a byte for each, counted from 1
--                  '' for a note, body, ''
--                  '*' for a letter, body, how long letters are kept in the outbox, ms, a blank, and how many are
--
-- Returns {1}                     applied
--         {0} or {0, v, d}        another version is stored (or no document); nothing is changed
--         {2, member}             the pointer is another's; nothing is changed
--
-- What is published carries its number on its channel, and publish.lua keeps the last of them. post.lua keeps the outbox
-- within its bounds. PUBLISHED, COUNT_TTL and DEADLINES_TTL are set where the script is put together.

local call = redis.call
local hash, notes, document, member, ttl = KEYS[1], KEYS[2], ARGV[3], ARGV[4], ARGV[5]

local version = call('HGET', hash, 'v')
if (version or '0') ~= ARGV[1] then
  if not version then return { 0 } end
  return { 0, version, call('HGET', hash, 'd') }
end

local deadlines, pointer, ours
if ttl ~= '' then
  local nodes = 2 * tonumber(ARGV[8])
  deadlines, pointer = KEYS[3 + nodes], KEYS[4 + nodes]
  local holder = call('GET', pointer)
  ours = not holder or holder == member
  if ARGV[7] ~= '-' and not ours then
    if holder ~= ARGV[7] then return { 2, holder } end
    ours = true
  end
end

local trims = tonumber(ARGV[9])
for first = 10, 9 + trims, 200 do -- unpack has a limit
  call('HDEL', hash, unpack(ARGV, first, math.min(first + 199, 9 + trims)))
end

local entries, last = 10 + trims, #ARGV
local fields, count, noted = { 'v', ARGV[2], 'd', document }, 4, nil
for at = entries, last, 3 do
  local field = ARGV[at]
  if field == '' then
    noted = call('RPUSH', notes, ARGV[at + 1])
  elseif field == '*' then
    local keep, most = string.match(ARGV[at + 2], '(%d+) (%d+)')
    post(KEYS[#KEYS], keep, most, 'event', ARGV[at + 1])
  else
    fields[count + 1], fields[count + 2] = field, ARGV[at + 1]
    count = count + 2
    if count >= 200 then
      call('HSET', hash, unpack(fields, 1, count))
      fields, count = {}, 0
    end
  end
end
if count > 0 then call('HSET', hash, unpack(fields, 1, count)) end

if ttl ~= '' then
  call('PEXPIRE', hash, ttl)
  call('PEXPIRE', notes, ttl)
  if ours then call('SET', pointer, member, 'PX', ttl) end
  if ARGV[6] == '' then
    call('ZREM', deadlines, member)
  else
    call('ZADD', deadlines, ARGV[6], member)
    -- Never shortened, and written once in a while only: twice what is needed, when less than that is left.
    local keep = math.max(DEADLINES_TTL, tonumber(ttl))
    if call('PTTL', deadlines) < keep then call('PEXPIRE', deadlines, string.format('%.0f', 2 * keep)) end
  end
elseif noted == 1 then
  call('PEXPIRE', notes, call('PTTL', hash))
end

local tail, kind = '', '\1'
if #document <= PUBLISHED then tail, kind = document, '\2' end
for at = entries, last, 3 do
  local field, nodes = ARGV[at], ARGV[at + 2]
  if field ~= '' and field ~= '*' then
    for i = 1, #nodes do
      local node = 1 + 2 * string.byte(nodes, i)
      publish(KEYS[node], KEYS[node + 1], kind, 'c' .. member, ARGV[at + 1], tail)
    end
  end
end
return { 1 }
