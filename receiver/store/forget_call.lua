--[[ Forget a call: its state and roster, its operations with whatever points at them.

KEYS[1]  the hash of its operations, `<prefix>ops:<call id>`
ARGV[1]  prefix   [2] the call id   [3] how many operations to forget at most, so that nobody waits for long
Returns  the number of records forgotten, and the number of operations left.
]]

local CALL = ARGV[2]

local forgotten, looked_at = 0, 0
local listed = redis.call('HGETALL', KEYS[1])
for position = 1, #listed, 2 do
  if looked_at >= tonumber(ARGV[3]) then break end
  for number in string.gmatch(listed[position + 1], '%d+') do
    forgotten = forgotten + drop_record(number)
    looked_at = looked_at + 1
  end
  redis.call('HDEL', KEYS[1], listed[position]) -- also where the records had expired
end
local left = redis.call('HLEN', KEYS[1])
if left == 0 then forgotten = forgotten + redis.call('DEL', PREFIX .. 'call:' .. CALL) end
return {forgotten, left}
