--[[ End a session of the page, and append that to the feed, so that every process ends the session's streams.

SCRIPT   END_SESSION = constants + append_event + end_session

KEYS[1]  the session, `<prefix>session:<SHA-256 of its id>`
ARGV[1]  prefix   [2] the SHA-256 of the session's id
]]

if redis.call('DEL', KEYS[1]) == 1 then append_event('s', ARGV[2], 0) end
