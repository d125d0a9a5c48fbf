--[[ Get the newest operation of a client context: the one whose first update arrived last.

SCRIPT   GET_LATEST = constants + read_record + newest_record + get_latest

KEYS[1]  the sorted set of the client context's records, `<prefix>cc:<client context>`
ARGV[1]  prefix
Returns  the record's number, its text, and the number of other records of the client context; nothing if there is none.
         The text may be one that cannot be read: to find that out costs as much here as in the receiver.
]]

local number, text, others = newest_record(KEYS[1], function() return true end)
if not number then return false end
return {tonumber(number), text, others}
