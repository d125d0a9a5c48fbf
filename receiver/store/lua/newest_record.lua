--[[ Find the newest operation of a client context, or get the version of all of them.

USES  read_record
]]

-- Find the newest record in a client context's sorted set whose text `is_good` accepts. Returns its number, its JSON
-- text, and the number of other records; nothing if there is none. Expired records are skipped. Records beyond the
-- newest that are looked at are counted as if they existed.
local function newest_record(name, is_good)
  local numbers = redis.call('ZREVRANGE', name, 0, CONTEXT_RECORDS_READ - 1)
  local text, newest, others = false, nil, 0
  for _, number in ipairs(numbers) do
    local found, exists
    if text then
      exists = redis.call('EXISTS', PREFIX .. 'op:' .. number) == 1
    elseif string.find(number, '^%d+$') then
      found, exists = get_text(PREFIX .. 'op:' .. number)
    end
    if found and is_good(found) then
      text, newest = found, number
    elseif exists then
      others = others + 1
    end
  end
  if not text then return nil end
  if #numbers == CONTEXT_RECORDS_READ then others = others + redis.call('ZCARD', name) - CONTEXT_RECORDS_READ end
  return newest, text, others
end

-- Return the version of a record, as `record_versions.py` does: `<number>.<revision>`; nothing if it cannot be read.
local function record_version(number, text, read)
  local record = read(text)
  return record and number .. '.' .. string.format('%.0f', record.rev)
end

-- Return the version of all operations of a client context together, as `record_versions.py` does.
local function context_version(name)
  local number, text, others = newest_record(name, read_operation)
  return number and record_version(number, text, read_operation) .. '+' .. others or 'none'
end

