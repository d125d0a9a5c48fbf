--[[ Read the newest operation of a client context: the one whose first update arrived last. Appended to `present.lua`.

KEYS[1]  the sorted set of its records, `<prefix>cc:<client context>`
ARGV[1]  prefix
Returns  whether or not it can be read, which costs as much here as in the receiver: the record's number, the record, and the number of other records under the client context; nothing, where there is none.
]]

local number, text, others = newest_record(ARGV[1], KEYS[1], function() return true end)
if not number then return false end
return {tonumber(number), text, others}
