--[[ End the script unless the operations of a client context have the version that the client has seen. It stands
before `merge.lua`, so that the check and the merge are one atomic step.

USES     read_record, newest_record

KEYS[2]  the sorted set of the client context's records, `<prefix>cc:<client context>`
ARGV     those of `merge.lua`, and the version behind them
Returns  what `merge.lua` returns; nothing if the version is another, and then nothing has changed
]]

if context_version(KEYS[2]) ~= table.remove(ARGV) then return false end

