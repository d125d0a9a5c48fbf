--[[ Tell of the operations whose result is due now and has not come: each once, whoever asks, however many do.

KEYS[1]  the sorted set of what is due, `<prefix>due`
ARGV[1]  prefix   [2] 0: by the store's time (`clock.lua`)   [3] the most to return, so that no other command waits for long
Returns  how many were due; as many as there may be at most: there may be more. And how many of them could not be read:
         they are due again later, for a receiver that can read them.

It is not an update of the operation, so its record lives no longer for it.
]]

local PREFIX, MOST = ARGV[1], tonumber(ARGV[3])
local OVERDUE = PREFIX .. 'overdue'
local AGAIN_AFTER = 600 * 1000
local _, NOW = time_by(tonumber(ARGV[2]))

local function gone(numbers)
  local found = {}
  for _, number in ipairs(numbers) do
    if redis.call('EXISTS', PREFIX .. 'op:' .. number) == 0 then found[#found + 1] = number end
  end
  return found
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
    announce(PREFIX, 'o', number, record.rev)
  elseif exists then
    unreadable[#unreadable + 1] = number
  end
end
if #due > 0 then redis.call('ZREM', KEYS[1], unpack(due)) end
for _, number in ipairs(unreadable) do redis.call('ZADD', KEYS[1], string.format('%.0f', NOW + AGAIN_AFTER), number) end

-- Of the oldest, those whose records have expired: as many may go at once as may come.
local expired = gone(redis.call('ZRANGE', OVERDUE, 0, MOST - 1))
if #expired > 0 then redis.call('ZREM', OVERDUE, unpack(expired)) end
return {#due, #unreadable}
