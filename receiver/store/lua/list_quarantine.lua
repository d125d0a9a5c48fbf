--[[ Read what entries of the quarantine are about, without the texts of the items: those may be large, and many.

KEYS[1]  the stream
ARGV[1]  the entry before which to begin, `+` or `(<id>`   [2] how many to read
Returns  entries as XREVRANGE does, without `text` and `clientContext`; with them where an entry of 0.1.0 lacks the
         fields that were made from its text.
]]

local LARGE = {text = true, clientContext = true}

local heads = {}
for _, entry in ipairs(redis.call('XREVRANGE', KEYS[1], ARGV[1], '-', 'COUNT', ARGV[2])) do
  local fields, head, has_address = entry[2], {}, false
  for place = 1, #fields, 2 do
    has_address = has_address or fields[place] == 'address'
    if not LARGE[fields[place]] then
      head[#head + 1] = fields[place]
      head[#head + 1] = fields[place + 1]
    end
  end
  heads[#heads + 1] = {entry[1], has_address and head or fields}
end
return heads
