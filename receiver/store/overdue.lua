--[[ Tell of the operations whose result is due now and has not come: each once, whoever asks, however many do.

KEYS[1]  the sorted set of what is due, `<prefix>due`
ARGV[1]  prefix   [2] now, ms   [3] how many to tell of at most, so that nobody waits for long
Returns  how many were due; as many as there may be at most: there may be more.

It is no news of the operation, so its record lives no longer for it.
]]

local PREFIX, MOST = ARGV[1], tonumber(ARGV[3])
local OVERDUE = PREFIX .. 'overdue'

local function gone(numbers)
  local found = {}
  for _, number in ipairs(numbers) do
    if redis.call('EXISTS', PREFIX .. 'op:' .. number) == 0 then found[#found + 1] = number end
  end
  return found
end

local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[2], 'LIMIT', 0, MOST)
for _, number in ipairs(due) do
  local name = PREFIX .. 'op:' .. number
  local text = redis.call('GET', name)
  if text then
    local record = cjson.decode(text)
    record.overdue = true
    record.rev = record.rev + 1
    redis.call('SET', name, cjson.encode(record), 'KEEPTTL')
    redis.call('ZADD', OVERDUE, number, number)
    announce(PREFIX, 'o', number, record.rev)
  end
end
if #due > 0 then redis.call('ZREM', KEYS[1], unpack(due)) end

-- Of the oldest, those whose records have expired: as many may go at once as may come.
local expired = gone(redis.call('ZRANGE', OVERDUE, 0, MOST - 1))
if #expired > 0 then redis.call('ZREM', OVERDUE, unpack(expired)) end
return #due
