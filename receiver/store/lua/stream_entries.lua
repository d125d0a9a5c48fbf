--[[ Read streams. Prepended to the scripts that forget entries of streams. ]]

-- Get entries of a stream. A key of another type has none: another program wrote it.
local function entries_of(stream, ...)
  local entries = redis.pcall('XRANGE', stream, ...)
  return entries.err and {} or entries
end

-- Forget those of some entries that `concerns` recognises by their fields. Returns how many there were.
local function drop_entries(stream, entries, concerns)
  local dropped = 0
  for _, entry in ipairs(entries) do
    local fields = {}
    for position = 1, #entry[2], 2 do fields[entry[2][position]] = entry[2][position + 1] end
    if concerns(fields) then dropped = dropped + redis.call('XDEL', stream, entry[1]) end
  end
  return dropped
end

