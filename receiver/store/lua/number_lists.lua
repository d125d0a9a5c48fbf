--[[ Stands before the scripts that keep lists of record numbers, each in a string: '12 45'. ]]

local function without_number(list, number)
  local rest = {}
  for other in string.gmatch(list, '%d+') do
    if other ~= number then rest[#rest + 1] = other end
  end
  return table.concat(rest, ' ')
end

