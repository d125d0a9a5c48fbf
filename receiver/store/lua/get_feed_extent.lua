--[[ Get where the feed begins and ends.

SCRIPT   GET_FEED_EXTENT = constants + get_feed_extent

KEYS[1]  the feed
ARGV[1]  prefix
Returns  the id of its oldest entry (empty if it has none), the last id that it gave, and its length; nothing if
         there is no feed. The last id outlives its entry (XDEL), which XREVRANGE does not show.
]]

if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
local facts = {}
for position = 1, #info, 2 do facts[info[position]] = info[position + 1] end
local oldest = facts['first-entry']
return {oldest and oldest[1] or '', facts['last-generated-id'], facts['length']}
