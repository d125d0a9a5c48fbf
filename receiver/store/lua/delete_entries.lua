--[[ Forget the entries of a stream that name a call: a few at a time, so that nobody waits for long.

KEYS[1]  the stream
ARGV[1]  the call id   [2] the entry after which to go on   [3] how many to look at
     [4] and on: its addresses, of which one stands in what names it, in lower case and without dashes
Returns  how many were forgotten, and the entry to go on after; nothing at the end.
]]

local CALL = ARGV[1]

local function names_it(text)
  text = string.gsub(string.lower(text), '-', '')
  for position = 4, #ARGV do
    if string.find(text, ARGV[position], 1, true) then return true end
  end
  return false
end

local entries = entries_of(KEYS[1], '(' .. ARGV[2], '+', 'COUNT', ARGV[3])
local forgotten = drop_entries(KEYS[1], entries, function(fields)
  if fields.text then return names_it(fields.text) end
  return fields.k == 'c' and fields.r == CALL -- the feed
end)
return {forgotten, #entries == tonumber(ARGV[3]) and entries[#entries][1] or nil}
