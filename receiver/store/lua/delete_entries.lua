--[[ Delete the entries of a stream that name a call, a few at a time, so that no other command waits for long.

SCRIPT   DELETE_ENTRIES = constants + stream_entries + delete_entries

KEYS[1]  the stream
ARGV[1]  prefix   [2] the call id   [3] the entry after which to go on   [4] how many entries to look at
     [5] and on: addresses of the call, in lower case and without dashes; an entry that has one of them names the call
Returns  how many entries were deleted, and the entry after which to go on; nothing at the end
]]

local CALL = ARGV[2]

local function names_call(text)
  text = string.gsub(string.lower(text), '-', '')
  for position = 5, #ARGV do
    if string.find(text, ARGV[position], 1, true) then return true end
  end
  return false
end

local entries = entries_of(KEYS[1], '(' .. ARGV[3], '+', 'COUNT', ARGV[4])
local deleted = delete_matching(KEYS[1], entries, function(fields)
  if fields.text then return names_call(fields.text) end
  return fields.k == 'c' and fields.r == CALL -- an entry of the feed
end)
return {deleted, #entries == tonumber(ARGV[4]) and entries[#entries][1] or nil}
