--[[ Read the latest operation of a client context: the one whose first news arrived last.

KEYS[1]  the sorted set of its records, `<prefix>cc:<client context>`
ARGV[1]  prefix
Returns  the record's number, the record, and the number of other records under the client context; nothing, where there is none.
         Expired records are passed over. Beyond the newest hundred they are counted as if they were there.
]]

local numbers = redis.call('ZREVRANGE', KEYS[1], 0, 99)
local latest, latest_number, others = false, nil, 0
for _, number in ipairs(numbers) do
  if not latest then
    latest = redis.call('GET', ARGV[1] .. 'op:' .. number)
    latest_number = tonumber(number)
  elseif redis.call('EXISTS', ARGV[1] .. 'op:' .. number) == 1 then
    others = others + 1
  end
end
if not latest then return false end
if #numbers == 100 then others = others + redis.call('ZCARD', KEYS[1]) - 100 end
return {latest_number, latest, others}
