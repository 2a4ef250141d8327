-- Included by the scripts that ask how far the group is that reads a stream: whether there is such a stream, and what Redis
-- says of the group, if there is one.

local function group_of(stream, name)
  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  if groups.err then return false end
  for _, fields in ipairs(groups) do
    local group = {}
    for i = 1, #fields, 2 do group[fields[i]] = fields[i + 1] end
    if group['name'] == name then return true, group end
  end
  return true
end

