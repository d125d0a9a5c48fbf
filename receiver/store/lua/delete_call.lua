--[[ Delete a call: its state and roster, and its operations with what points at them.

SCRIPT   DELETE_CALL = constants + number_lists + read_record + newest_record + delete_record + delete_call

KEYS[1]  the hash of the call's operations, `<prefix>ops:<call id>`
ARGV[1]  prefix   [2] the call id   [3] the most operations to delete at once, so that no other command waits for long
     [4] the version (`record_versions.py`) that the call and its operations must have together; empty if any will do
Returns  the number of records deleted, and the number of operations left;
         nothing if the version is another, and then nothing has changed
]]

local CALL = ARGV[2]

local function call_version()
  local numbers, seen, versions = {}, {}, {}
  for _, list in ipairs(redis.call('HVALS', KEYS[1])) do
    for number in string.gmatch(list, '%d+') do
      if not seen[number] then numbers[#numbers + 1] = number end
      seen[number] = true
    end
  end
  table.sort(numbers, function(one, other) return tonumber(one) > tonumber(other) end)
  for _, number in ipairs(numbers) do
    local text = get_text(PREFIX .. 'op:' .. number)
    if text then versions[#versions + 1] = record_version(number, text, read_operation) end
  end
  local text = get_text(PREFIX .. 'call:' .. CALL)
  return (text and record_version('call', text, read_call) or 'none') .. '+' .. table.concat(versions, ',')
end

if ARGV[4] ~= '' and call_version() ~= ARGV[4] then return false end

local deleted, looked_at = 0, 0
local listed = redis.call('HGETALL', KEYS[1])
for position = 1, #listed, 2 do
  if looked_at >= tonumber(ARGV[3]) then break end
  for number in string.gmatch(listed[position + 1], '%d+') do
    deleted = deleted + delete_record(number)
    looked_at = looked_at + 1
  end
  redis.call('HDEL', KEYS[1], listed[position]) -- also if the records had expired
end
local left = redis.call('HLEN', KEYS[1])
if left == 0 then
  deleted = deleted + redis.call('DEL', PREFIX .. 'call:' .. CALL, PREFIX .. 'unreadable:' .. CALL)
  redis.call('DEL', PREFIX .. 'roster:' .. CALL, PREFIX .. 'participants:' .. CALL)
end
return {deleted, left}
