--[[ Forget operations of a client context: records, whatever points at them, and quarantined items that name it.

KEYS[1]  the sorted set of its records, `<prefix>cc:<client context>`
ARGV[1]  prefix   [2] the client context   [3] how many records to forget at most, so that nobody waits for long
Returns  the number of records forgotten, the number of quarantined items forgotten, and the number of records left.
]]

local PREFIX, CLIENT_CONTEXT = ARGV[1], ARGV[2]

local function drop_number(list, number)
  local rest = {}
  for other in string.gmatch(list or '', '%d+') do
    if other ~= number then rest[#rest + 1] = other end
  end
  return table.concat(rest, ' ')
end

local numbers = redis.call('ZREVRANGE', KEYS[1], 0, tonumber(ARGV[3]) - 1)
local forgotten = 0
for _, number in ipairs(numbers) do
  local text = redis.call('GET', PREFIX .. 'op:' .. number)
  if text then
    local record = cjson.decode(text)
    local ops = PREFIX .. 'ops:' .. record.call
    local listed = redis.call('HGET', ops, record.op)
    if listed then
      local rest = drop_number(listed, number)
      if rest == '' then redis.call('HDEL', ops, record.op) else redis.call('HSET', ops, record.op, rest) end
    end
    local oid = PREFIX .. 'oid:' .. record.op
    local waiting = redis.call('GET', oid)
    if waiting then
      local rest = drop_number(waiting, number)
      if rest == '' then redis.call('DEL', oid) else redis.call('SET', oid, rest, 'KEEPTTL') end
    end
    redis.call('DEL', PREFIX .. 'op:' .. number)
    forgotten = forgotten + 1
  end
  redis.call('ZREM', KEYS[1], number)
end

local left = redis.call('ZCARD', KEYS[1])
local quarantined = 0
if left == 0 then
  redis.call('DEL', PREFIX .. 'open:' .. CLIENT_CONTEXT)
  for _, entry in ipairs(redis.call('XRANGE', PREFIX .. 'quarantine', '-', '+')) do
    for field = 1, #entry[2], 2 do
      if entry[2][field] == 'clientContext' and entry[2][field + 1] == CLIENT_CONTEXT then
        redis.call('XDEL', PREFIX .. 'quarantine', entry[1])
        quarantined = quarantined + 1
      end
    end
  end
end
return {forgotten, quarantined, left}
