--[[ End a session of the page, and announce it, so that every process ends the streams that were opened with it.

KEYS[1]  the session, `<prefix>session:<SHA-256 of its id>`
ARGV[1]  prefix   [2] the SHA-256 of its id
]]

if redis.call('DEL', KEYS[1]) == 1 then announce(ARGV[1], 's', ARGV[2], 0) end
