--[[ Delete the operations of a client context: records, what points at them, and quarantined items that name it.

SCRIPT   DELETE_OPERATIONS = constants + number_lists + read_record + newest_record + delete_record + stream_entries
         + delete_operations

KEYS[1]  the sorted set of the client context's records, `<prefix>cc:<client context>`
ARGV[1]  prefix   [2] the client context   [3] the same as JSON   [4] that JSON as it stands inside another JSON text
     [5] the most records to delete at once, so that no other command waits for long
     [6] the version (`newest_record.lua`) that the operations must have together; empty if any will do
Returns  the number of records and quarantined items deleted, and the number of records left;
         nothing if the version is another, and then nothing has changed
]]

local CLIENT_CONTEXT, MEMBER, INNER = ARGV[2], '"clientContext":' .. ARGV[3], ARGV[4]

if ARGV[6] ~= '' and context_version(KEYS[1]) ~= ARGV[6] then return false end

local deleted = 0
for _, number in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, tonumber(ARGV[5]) - 1)) do
  deleted = deleted + delete_record(number)
  redis.call('ZREM', KEYS[1], number) -- also if the record had expired
end
local left = redis.call('ZCARD', KEYS[1])
if left == 0 then
  local quarantine = PREFIX .. 'quarantine'
  deleted = deleted + delete_matching(quarantine, entries_of(quarantine, '-', '+'), function(fields)
    local text = fields.text or ''
    return fields.clientContext == CLIENT_CONTEXT or string.find(text, MEMBER, 1, true)
      or string.find(text, INNER, 1, true) -- a body that is not JSON is stored as one JSON text
  end)
end
return {deleted, left}
