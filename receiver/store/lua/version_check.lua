--[[ Merge only if the operations of a client context have the version that the client has seen, in one atomic step.
Prepended to `merge.lua`, after `present.lua`.

KEYS[2]  the sorted set of its records, `<prefix>cc:<client context>`
ARGV     as `merge.lua` has it, with the version behind it
Returns  what `merge.lua` returns, or nothing where the version is another, and nothing has changed
]]

if context_version(ARGV[1], KEYS[2]) ~= table.remove(ARGV) then return false end

