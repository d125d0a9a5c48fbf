--[[ Stands before the scripts that change records: how the feed is told. ]]

local told = false

local function announce(prefix, kind, id, revision)
  told = true
  redis.call('XADD', prefix .. 'feed', 'MAXLEN', '~', '10000', '*', 'k', kind, 'r', id, 'v', revision)
end

