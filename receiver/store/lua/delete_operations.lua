--[[ Forget operations of a client context: records, whatever points at them, and quarantined items that name it.

KEYS[1]  the sorted set of its records, `<prefix>cc:<client context>`
ARGV[1]  prefix   [2] the client context   [3] the same written as JSON   [4] that as written inside another JSON text
     [5] how many records to forget at most, so that no other command waits for long
     [6] the version (`present.lua`) that the operations must have together; empty, where any will do
Returns  the number of records and quarantined items forgotten, and the number of records left;
         nothing, where the version is another, and nothing has changed.
]]

local CLIENT_CONTEXT, MEMBER, INNER = ARGV[2], '"clientContext":' .. ARGV[3], ARGV[4]

if ARGV[6] ~= '' and context_version(PREFIX, KEYS[1]) ~= ARGV[6] then return false end

local forgotten = 0
for _, number in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, tonumber(ARGV[5]) - 1)) do
  forgotten = forgotten + drop_record(number)
  redis.call('ZREM', KEYS[1], number) -- also where the record had expired
end
local left = redis.call('ZCARD', KEYS[1])
if left == 0 then
  local quarantine = PREFIX .. 'quarantine'
  forgotten = forgotten + drop_entries(quarantine, entries_of(quarantine, '-', '+'), function(fields)
    local text = fields.text or ''
    return fields.clientContext == CLIENT_CONTEXT or string.find(text, MEMBER, 1, true)
      or string.find(text, INNER, 1, true) -- a body that is not JSON is kept as one JSON text
  end)
end
return {forgotten, left}
