--[[ Append an entry to the feed.

USES  nothing
]]

local has_appended = false

-- `tone` is a tone's content: the call record has room for the last tones only, so the entry holds it, too.
local function append_event(kind, id, revision, tone)
  has_appended = true
  local entry = {'k', kind, 'r', id, 'v', revision}
  if tone then entry[7], entry[8] = 't', tone end
  redis.call('XADD', PREFIX .. 'feed', 'MAXLEN', '~', FEED_LENGTH, '*', unpack(entry))
end

