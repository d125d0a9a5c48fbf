--[[ Find or compare the newest operation of a client context. Prepended to scripts, after `reading.lua`. ]]

-- Find the newest record under a client context whose text is good. Returns its number, its JSON text, and how many
-- others there are; nothing, where there is none. Expired records are passed over. Beyond the newest hundred they are
-- counted as if they were there.
local function newest_record(prefix, name, is_good)
  local numbers = redis.call('ZREVRANGE', name, 0, 99)
  local text, newest, others = false, nil, 0
  for _, number in ipairs(numbers) do
    local found, exists
    if text then
      exists = redis.call('EXISTS', prefix .. 'op:' .. number) == 1
    elseif string.find(number, '^%d+$') then
      found, exists = get_text(prefix .. 'op:' .. number)
    end
    if found and is_good(found) then
      text, newest = found, number
    elseif exists then
      others = others + 1
    end
  end
  if not text then return nil end
  if #numbers == 100 then others = others + redis.call('ZCARD', name) - 100 end
  return newest, text, others
end

-- Say which version of a record a text holds, as `versions.py` does: `<number>.<revision>`; nothing, where it cannot be
-- read.
local function record_version(number, text, read)
  local record = read(text)
  return record and number .. '.' .. string.format('%.0f', record.rev)
end

-- Say which version all the operations of a client context have together, as `versions.py` does.
local function context_version(prefix, name)
  local number, text, others = newest_record(prefix, name, read_operation)
  return number and record_version(number, text, read_operation) .. '+' .. others or 'none'
end
