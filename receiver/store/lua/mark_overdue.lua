--[[ Mark the operations whose result is due by now as overdue, and append each to the feed.

However many processes run this script, each operation is marked once. It is not an update of the operation, so its
record does not live longer for it.

SCRIPT   MARK_OVERDUE = constants + clock + read_record + append_event + mark_overdue

KEYS[1]  the sorted set of what is due, `<prefix>due`
ARGV[1]  prefix   [2] 0: use the store's time (`clock.lua`)   [3] the most to mark, so that no command waits for long
Returns  how many were due; as many as the most means that there may be more. And how many of them could not be read:
         these are due again later, for a receiver that can read them.
]]

local MOST = tonumber(ARGV[3])
local OVERDUE = PREFIX .. 'overdue'
local _, NOW = time_by(tonumber(ARGV[2]))

local function expired_among(numbers)
  local expired = {}
  for _, number in ipairs(numbers) do
    if redis.call('EXISTS', PREFIX .. 'op:' .. number) == 0 then expired[#expired + 1] = number end
  end
  return expired
end

local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', NOW), 'LIMIT', 0, MOST)
local unreadable = {}
for _, number in ipairs(due) do
  local name = PREFIX .. 'op:' .. number
  local text, exists = get_text(name)
  local record = text and read_operation(text)
  if record then
    record.overdue = true
    record.rev = record.rev + 1
    redis.call('SET', name, cjson.encode(record), 'KEEPTTL')
    redis.call('ZADD', OVERDUE, number, number)
    append_event('o', number, record.rev)
  elseif exists then
    unreadable[#unreadable + 1] = number
  end
end
if #due > 0 then redis.call('ZREM', KEYS[1], unpack(due)) end
local again_at = string.format('%.0f', NOW + UNREADABLE_DUE_AGAIN_SECONDS * 1000)
for _, number in ipairs(unreadable) do redis.call('ZADD', KEYS[1], again_at, number) end

-- Of the oldest overdue numbers, remove those whose records have expired: as many per call as may be added.
local expired = expired_among(redis.call('ZRANGE', OVERDUE, 0, MOST - 1))
if #expired > 0 then redis.call('ZREM', OVERDUE, unpack(expired)) end
return {#due, #unreadable}
