--[[ Delete one record. Prepended to the scripts that forget, after `numbers.lua` and `reading.lua`.

ARGV[1]  prefix
]]

local PREFIX = ARGV[1]

local function unlist_number(name, number)
  local list = redis.call('GET', name)
  if not list then return end
  local rest = without_number(list, number)
  if rest == '' then redis.call('DEL', name) else redis.call('SET', name, rest, 'KEEPTTL') end
end

local function unlist_record(record, number)
  local ops = PREFIX .. 'ops:' .. record.call
  local listed = redis.call('HGET', ops, record.op)
  if listed then
    local rest = without_number(listed, number)
    if rest == '' then redis.call('HDEL', ops, record.op) else redis.call('HSET', ops, record.op, rest) end
  end
  unlist_number(PREFIX .. 'oid:' .. record.op, number)
  unlist_number(PREFIX .. 'open:' .. record.cc, number)
  redis.call('ZREM', PREFIX .. 'cc:' .. record.cc, number)
end

-- Forget a record and whatever points at it. Returns how many there were: 1, or 0 if it had expired.
-- One that cannot be read goes, too; what points at it is passed over, and goes with its key.
local function drop_record(number)
  local name = PREFIX .. 'op:' .. number
  local text, exists = get_text(name)
  if not exists then return 0 end
  local record = text and read_operation(text)
  if record then unlist_record(record, number) end
  redis.call('ZREM', PREFIX .. 'due', number)
  redis.call('ZREM', PREFIX .. 'overdue', number)
  redis.call('DEL', name)
  return 1
end

