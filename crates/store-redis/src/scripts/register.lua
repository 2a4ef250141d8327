-- Puts a device's route in place of its older one.
--
-- KEYS  1 hash     the user: d:<device> -> <connection>:<node>, c:<call> -> since when
-- ARGV  1 device   2 connection, twenty digits   3 node   4 most devices   5 time to live, ms
--
-- Returns {1, route before or '', record}   done; the record as it is now
--         {0, route}                        the device has a newer connection: this one
--         {2, record}                       too many devices
-- A record is a flat list of fields and values.
--
-- A connection is greater than a Lua number can hold: always twenty digits, compared as text.

local field, route = 'd:' .. ARGV[1], ARGV[2] .. ':' .. ARGV[3]
local record, devices, place = redis.call('HGETALL', KEYS[1]), 0, nil
for i = 1, #record, 2 do
  if string.sub(record[i], 1, 2) == 'd:' then devices = devices + 1 end
  if record[i] == field then place = i + 1 end
end

local before = ''
if place then
  before = record[place]
  if string.sub(before, 1, 20) > ARGV[2] then return { 0, before } end
  record[place] = route
else
  if devices >= tonumber(ARGV[4]) then return { 2, record } end
  record[#record + 1] = field
  record[#record + 1] = route
end
redis.call('HSET', KEYS[1], field, route)
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return { 1, before, record }
