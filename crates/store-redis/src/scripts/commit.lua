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
--       5 '' leaves time to live, deadline and pointer as they are; else four, with blanks between: time to live of hash,
--         list and pointer, ms; deadline, ms, or nothing, which takes it away; number of nodes; '-' if the pointer is not
--         claimed, or a member that may hold it although it is claimed, or nothing
--       6 how many fields are taken out of 1, then these
--         then entries: field, body, nodes: a byte for each, counted from 1
--                       '' for a note, body
--                       '*' for a letter, body, how long letters are kept in the outbox, ms, a blank, and how many are
--
-- Returns {1}                     applied
--         {0} or {0, v, d}        another version is stored (or no document); nothing is changed
--         {2, member}             the pointer is another's; nothing is changed
--
-- What is published carries its number on its channel, and publish.lua keeps the last of them. post.lua keeps the outbox
-- within its bounds. PUBLISHED, COUNT_TTL and DEADLINES_TTL are set where the script is put together.

local call = redis.call
local hash, notes, document, member = KEYS[1], KEYS[2], ARGV[3], ARGV[4]

local version = call('HGET', hash, 'v')
if (version or '0') ~= ARGV[1] then
  if not version then return { 0 } end
  return { 0, version, call('HGET', hash, 'd') }
end

local ttl, deadline, deadlines, pointer, ours
if ARGV[5] ~= '' then
  local nodes, claim
  ttl, deadline, nodes, claim = string.match(ARGV[5], '(%d+) (%d*) (%d+) (.*)')
  deadlines, pointer = KEYS[3 + 2 * nodes], KEYS[4 + 2 * nodes]
  local holder = call('GET', pointer)
  ours = not holder or holder == member
  if claim ~= '-' and not ours then
    if holder ~= claim then return { 2, holder } end
    ours = true
  end
end

local trims = tonumber(ARGV[6])
for first = 7, 6 + trims, 200 do -- unpack has a limit
  call('HDEL', hash, unpack(ARGV, first, math.min(first + 199, 6 + trims)))
end

local fields, count, noted = { 'v', ARGV[2], 'd', document }, 4, nil
local published, at = {}, 7 + trims
while ARGV[at] do
  local field, body = ARGV[at], ARGV[at + 1]
  if field == '' then
    noted = call('RPUSH', notes, body)
    at = at + 2
  elseif field == '*' then
    local keep, most = string.match(ARGV[at + 2], '(%d+) (%d+)')
    post(KEYS[#KEYS], keep, most, 'event', body)
    at = at + 3
  else
    fields[count + 1], fields[count + 2] = field, body
    count = count + 2
    if count >= 200 then
      call('HSET', hash, unpack(fields, 1, count))
      fields, count = {}, 0
    end
    if ARGV[at + 2] ~= '' then published[#published + 1] = at end
    at = at + 3
  end
end
if count > 0 then call('HSET', hash, unpack(fields, 1, count)) end

if ttl then
  call('PEXPIRE', hash, ttl)
  call('PEXPIRE', notes, ttl)
  if ours then call('SET', pointer, member, 'PX', ttl) end
  if deadline == '' then
    call('ZREM', deadlines, member)
  else
    call('ZADD', deadlines, deadline, member)
    -- Never shortened, and written once in a while only: twice what is needed, when less than that is left.
    local keep = math.max(DEADLINES_TTL, tonumber(ttl))
    if call('PTTL', deadlines) < keep then call('PEXPIRE', deadlines, string.format('%.0f', 2 * keep)) end
  end
elseif noted == 1 then
  call('PEXPIRE', notes, call('PTTL', hash))
end

local tail, kind = '', '\1'
if #document <= PUBLISHED then tail, kind = document, '\2' end
for _, entry in ipairs(published) do
  local nodes = ARGV[entry + 2]
  for i = 1, #nodes do
    local node = 1 + 2 * string.byte(nodes, i)
    publish(KEYS[node], KEYS[node + 1], kind, 'c' .. member, ARGV[entry + 1], tail)
  end
end
return { 1 }
