--[[ Delete one operation record, with everything that points at it.

USES  number_lists, read_record
]]

local function remove_from_list(name, number)
  local list = redis.call('GET', name)
  if not list then return end
  local rest = without_number(list, number)
  if rest == '' then redis.call('DEL', name) else redis.call('SET', name, rest, 'KEEPTTL') end
end

local function remove_from_indexes(record, number)
  local ops = PREFIX .. 'ops:' .. record.call
  local listed = redis.call('HGET', ops, record.op)
  if listed then
    local rest = without_number(listed, number)
    if rest == '' then redis.call('HDEL', ops, record.op) else redis.call('HSET', ops, record.op, rest) end
  end
  remove_from_list(PREFIX .. 'oid:' .. record.op, number)
  remove_from_list(PREFIX .. 'open:' .. record.cc, number)
  redis.call('ZREM', PREFIX .. 'cc:' .. record.cc, number)
end

-- Delete a record and what points at it. Returns how many there were: 1, or 0 if it had expired.
-- A record that cannot be read is deleted, too. What points at it stays: readers skip it, and it expires with its key.
local function delete_record(number)
  local name = PREFIX .. 'op:' .. number
  local text, exists = get_text(name)
  if not exists then return 0 end
  local record = text and read_operation(text)
  if record then remove_from_indexes(record, number) end
  redis.call('ZREM', PREFIX .. 'due', number)
  redis.call('ZREM', PREFIX .. 'overdue', number)
  redis.call('DEL', name)
  return 1
end

