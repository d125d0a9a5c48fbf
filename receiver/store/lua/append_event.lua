--[[ Stands before the scripts that change records: how the feed is told. ]]

local told = false

local function announce(prefix, kind, id, revision, tone)
  told = true
  local entry = {'k', kind, 'r', id, 'v', revision}
  if tone then entry[7], entry[8] = 't', tone end -- its content, since the record soon holds another
  redis.call('XADD', prefix .. 'feed', 'MAXLEN', '~', '10000', '*', unpack(entry))
end

