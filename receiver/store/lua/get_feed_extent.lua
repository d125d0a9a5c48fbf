--[[ Read where the feed begins and ends.

KEYS[1]  the feed
Returns  the id of its oldest entry (empty where it has none), the last id that it gave, and its length; nothing, where
         there is no feed. The last id outlives its entry (XDEL), which XREVRANGE does not show.
]]

if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
local facts = {}
for position = 1, #info, 2 do facts[info[position]] = info[position + 1] end
local oldest = facts['first-entry']
return {oldest and oldest[1] or '', facts['last-generated-id'], facts['length']}
