--[[ Read records. A value that another version or another program wrote is not a record. It is not an error either: a
script that raised one would fail for everything else that it was given.

USES  nothing
]]

local TYPES_OF_A_RECORD = {
  tenant = 'string', status = 'string', last = 'string', rank = 'number', first = 'number', updated = 'number',
  rev = 'number', news = 'number', dups = 'number', members = 'table', times = 'table', call = 'string',
}
local TYPES_OF_AN_OPERATION = {cc = 'string', op = 'string', type = 'string', seen = 'string'}

-- Return the text under a key and true; nothing and false if there is no key; nothing and true for another type.
local function get_text(name)
  local text = redis.pcall('GET', name)
  if type(text) == 'string' then return text, true end
  return nil, text ~= false
end

local function has(record, types)
  for name, kind in pairs(types) do
    if type(record[name]) ~= kind then return false end
  end
  return true
end

local function read_record(text)
  local is_json, record = pcall(cjson.decode, text)
  if not is_json or type(record) ~= 'table' or not has(record, TYPES_OF_A_RECORD) then return nil end
  for _, member in pairs(record.members) do
    if type(member) ~= 'table' or type(member[1]) ~= 'number' or type(member[2]) ~= 'string' then return nil end
  end
  return record
end

local function is_roster_state(people)
  return people == nil or type(people) == 'table' and has(people, {floor = 'string', top = 'string'})
end

local function are_tones(tones)
  if tones == nil then return true end
  if type(tones) ~= 'table' then return false end
  for place, tone in pairs(tones) do
    if type(place) ~= 'number' or type(tone) ~= 'table' or not has(tone, {'string', 'string'}) then return false end
  end
  return true
end

-- Read the text of a call record. Returns nothing if it cannot be read.
local function read_call(text)
  local record = read_record(text)
  if not record or not is_roster_state(record.people) or not are_tones(record.tones) then return nil end
  if record.roster ~= nil and type(record.roster) ~= 'string' then return nil end
  return record
end

-- Read the text of an operation record. Returns nothing if it cannot be read.
local function read_operation(text)
  local record = read_record(text)
  if not record or not has(record, TYPES_OF_AN_OPERATION) then return nil end
  if record.due ~= nil and type(record.due) ~= 'number' then return nil end
  return record
end

