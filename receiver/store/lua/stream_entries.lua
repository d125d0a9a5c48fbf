--[[ Read streams, and delete entries of them.

USES  nothing
]]

-- Return entries of a stream. A key of another type has none: another program wrote it.
local function entries_of(stream, ...)
  local entries = redis.pcall('XRANGE', stream, ...)
  return entries.err and {} or entries
end

-- Delete those of some entries whose fields `matches` accepts. Returns how many there were.
local function delete_matching(stream, entries, matches)
  local deleted = 0
  for _, entry in ipairs(entries) do
    local fields = {}
    for position = 1, #entry[2], 2 do fields[entry[2][position]] = entry[2][position + 1] end
    if matches(fields) then deleted = deleted + redis.call('XDEL', stream, entry[1]) end
  end
  return deleted
end

