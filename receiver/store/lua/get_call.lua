--[[ Get a call as it is at one moment: its record, its roster, the notifications of its participants.

KEYS[1]  the record, `<prefix>call:<call id>`
ARGV[1]  prefix   [2] the call id
Returns  nothing where there is none, else the record, the fields of the roster with their values, the notifications.
]]

-- A key of another type is taken for one that is not there.
local function listed(...)
  local reply = redis.pcall(...)
  return reply.err and {} or reply
end

local record = redis.call('MGET', KEYS[1])[1]
if not record then return nil end
local roster = listed('HGETALL', ARGV[1] .. 'roster:' .. ARGV[2])
return {record, roster, listed('LRANGE', ARGV[1] .. 'participants:' .. ARGV[2], 0, -1)}
