--[[ Get a call at one moment: its record, its roster, and the notifications of its participants.

SCRIPT   GET_CALL = constants + get_call

KEYS[1]  the record, `<prefix>call:<call id>`
ARGV[1]  prefix   [2] the call id
Returns  the record, the fields of the roster with their values, and the notifications; nothing if there is no record
]]

-- A key of another type counts as missing.
local function list_or_nothing(...)
  local reply = redis.pcall(...)
  return reply.err and {} or reply
end

local record = redis.call('MGET', KEYS[1])[1]
if not record then return nil end
local roster = list_or_nothing('HGETALL', PREFIX .. 'roster:' .. ARGV[2])
return {record, roster, list_or_nothing('LRANGE', PREFIX .. 'participants:' .. ARGV[2], 0, -1)}
