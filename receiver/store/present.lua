--[[ Stands before scripts that find or compare the newest operation of a client context. ]]

-- Find the newest record under a client context. Returns its number, its JSON text, and how many others there are;
-- nothing, where there is none. Expired records are passed over. Beyond the newest hundred they are counted as if they
-- were there.
local function newest_record(prefix, name)
  local numbers = redis.call('ZREVRANGE', name, 0, 99)
  local text, newest, others = false, nil, 0
  for _, number in ipairs(numbers) do
    if not text then
      text, newest = redis.call('GET', prefix .. 'op:' .. number), number
    elseif redis.call('EXISTS', prefix .. 'op:' .. number) == 1 then
      others = others + 1
    end
  end
  if not text then return nil end
  if #numbers == 100 then others = others + redis.call('ZCARD', name) - 100 end
  return newest, text, others
end

-- Say which version of an operation a text holds, as `versions.py` does: `<number>.<revision>`.
local function operation_version(number, text)
  return number .. '.' .. string.format('%.0f', cjson.decode(text).rev)
end

-- Say which version all the operations of a client context have together, as `versions.py` does.
local function context_version(prefix, name)
  local number, text, others = newest_record(prefix, name)
  return number and operation_version(number, text) .. '+' .. others or 'none'
end
