-- Compare and set one versioned document, with what belongs to it, in one step.
--
-- KEYS  1 hash     the document: v version, d bytes, and a field for each log entry
--       2 zset     deadlines: member -> milliseconds
--       3 string   the pointer that at most one member holds
--       4 list     the document's notes
--       5..        two for each node: its channel, and the hash that counts what is published there
--       last       the outbox, a stream, if anything is put there
-- ARGV  1 expected version, '0' for none     2 version from now on     3 document
--       4 time to live of 1, 3 and 4, ms     5 deadline, ms; '' takes it away
--       6 member                             7 1 if the pointer is claimed, 0 if it is not looked at
--       8 a member that may hold the pointer although it is claimed, or ''
--       9 bytes up to which a document is published along with an entry
--      10 least time to live of 2, ms       11 time to live of a new count, ms
--      12 how long letters are kept in the outbox, ms   13 how many are
--      14 how many fields are taken out of 1, then these
--         entries: field, '' for a note, '*' for a letter; body; number of nodes, then as many numbers of nodes, counted
--         from 1
--
-- Returns {1}                     applied
--         {0} or {0, v, d}        another version is stored (or no document); nothing is changed
--         {2, member}             the pointer is another's; nothing is changed
--
-- What is published carries its number on its channel, and `@include publish.lua` keeps the last of them. `@include
-- post.lua` keeps the outbox within its bounds.

local hash, deadlines, pointer = KEYS[1], KEYS[2], KEYS[3]
local document, ttl, deadline, member = ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local version = redis.call('HGET', hash, 'v')
if (version or '0') ~= ARGV[1] then
  if not version then return { 0 } end
  return { 0, version, redis.call('HGET', hash, 'd') }
end

local holder = redis.call('GET', pointer)
local ours = not holder or holder == member
if ARGV[7] == '1' and not ours then
  if holder ~= ARGV[8] then return { 2, holder } end
  ours = true
end

local trims = tonumber(ARGV[14])
for first = 15, 14 + trims, 200 do -- unpack has a limit
  redis.call('HDEL', hash, unpack(ARGV, first, math.min(first + 199, 14 + trims)))
end

local entries = 15 + trims
local fields, count, at = { 'v', ARGV[2], 'd', document }, 4, entries
while ARGV[at] do
  if ARGV[at] == '' then
    redis.call('RPUSH', KEYS[4], ARGV[at + 1])
  elseif ARGV[at] == '*' then
    post(KEYS[#KEYS], ARGV[12], ARGV[13], 'event', ARGV[at + 1])
  else
    fields[count + 1], fields[count + 2] = ARGV[at], ARGV[at + 1]
    count = count + 2
  end
  at = at + 3 + tonumber(ARGV[at + 2])
  if count >= 200 then
    redis.call('HSET', hash, unpack(fields, 1, count))
    fields, count = {}, 0
  end
end
if count > 0 then redis.call('HSET', hash, unpack(fields, 1, count)) end
redis.call('PEXPIRE', hash, ttl)
redis.call('PEXPIRE', KEYS[4], ttl)
if ours then redis.call('SET', pointer, member, 'PX', ttl) end

if deadline == '' then
  redis.call('ZREM', deadlines, member)
else
  redis.call('ZADD', deadlines, deadline, member)
  -- Never shortened, and written once in a while only: twice what is needed, when less than that is left.
  local keep = tonumber(ARGV[10])
  if redis.call('PTTL', deadlines) < keep then redis.call('PEXPIRE', deadlines, string.format('%.0f', 2 * keep)) end
end

local tail, kind = '', '\1'
if #document <= tonumber(ARGV[9]) then tail, kind = document, '\2' end
at = entries
while ARGV[at] do
  local nodes, body = tonumber(ARGV[at + 2]), ARGV[at + 1]
  for i = at + 3, at + 2 + nodes do
    local node = 3 + 2 * tonumber(ARGV[i])
    publish(KEYS[node], KEYS[node + 1], ARGV[11], kind, 'c' .. member, body, tail)
  end
  at = at + 3 + nodes
end
return { 1 }
