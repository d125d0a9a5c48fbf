--[[ List entries of the quarantine without the texts of the items, which may be large, and many.

SCRIPT   LIST_QUARANTINE = constants + list_quarantine

KEYS[1]  the stream
ARGV[1]  prefix   [2] the newest entry to list: `+`, or `(<id>` for those before an id   [3] how many to list
Returns  entries as XREVRANGE does, without `text` and `clientContext`. Entries that 0.1.0 wrote have them: they lack
         the fields that later versions derive from the text.
]]

local LARGE = {text = true, clientContext = true}

local heads = {}
for _, entry in ipairs(redis.call('XREVRANGE', KEYS[1], ARGV[2], '-', 'COUNT', ARGV[3])) do
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
