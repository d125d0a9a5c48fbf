--[[ Edit lists of record numbers, each stored as one string, such as '12 45'.

USES  nothing
]]

-- Return a list without one number.
local function without_number(list, number)
  local rest = {}
  for other in string.gmatch(list, '%d+') do
    if other ~= number then rest[#rest + 1] = other end
  end
  return table.concat(rest, ' ')
end

