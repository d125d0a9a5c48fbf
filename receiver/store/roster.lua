--[[ Stands before `merge.lua`: how rosters, deltas and single participants become one roster.

THE RULE
  Graph numbers what it says of a roster. For each participant the highest number counts, so the roster comes out the
  same in whatever order its parts arrive:
  - A delta tells of the participants that it names, as of its number. One who has left stays listed without a
    text, so that an older delta does not bring him back. At the same number leaving wins, else the last to arrive.
  - A whole roster tells of everybody, as of the highest number in it: who is not in it has left by then. That is the
    `floor`: nothing at or below it is news of a participant who is not listed.
  - A participant's own number says when he last changed, so a roster gets no number of its own when somebody leaves.
    One below the floor is therefore newer all the same where it says of each participant what is held, and only
    lacks some. Any other below the floor is old.
  - What has no number is as new as the newest that came before it (`top`).

WHERE
  The hash `<prefix>roster:<call id>`, a participant's key to: the number as of which it holds (19 digits), his own
  number (19), his place in what brought him (7), and his JSON text, empty when he has left. Numbers are compared as texts.
  The call record has `people`: `floor` and `top`; and `base`, the digest of a `roster` that 0.1.0 wrote
  into the record, over which the hash is laid (`rosters.py` does it) until a whole roster replaces it.
]]

local NO_NUMBER = string.rep('0', 19)

local function as_of(value) return string.sub(value, 1, 19) end
local function own_number(value) return string.sub(value, 20, 38) end
local function text_of(value) return string.sub(value, 46) end

-- Take participants apart that are packed one after the other, three lines each: key, own number, text.
local function unpacked(packed)
  local people, position = {}, 1
  local function line() -- a plain search takes a tenth of what a pattern does
    local ending = string.find(packed, '\n', position, true)
    local text = string.sub(packed, position, ending - 1)
    position = ending + 1
    return text
  end
  while position <= #packed do
    local one = {key = line(), own = line(), text = line()}
    if one.own == '' then one.own = NO_NUMBER end
    one.place = string.format('%07d', #people + 1)
    people[#people + 1] = one
  end
  return people
end

local function held_roster(name)
  local held, flat = {}, redis.call('HGETALL', name)
  for position = 1, #flat, 2 do held[flat[position]] = flat[position + 1] end
  return held
end

-- Write a participant down. Tells whether that changes what is shown.
local function put(name, held, number, one)
  local value = number .. one.own .. one.place .. one.text
  if value == held then return false end
  redis.call('HSET', name, one.key, value)
  return (held and text_of(held) or '') ~= one.text
end

local function only_lacks_some(held, people)
  for _, one in ipairs(people) do
    local value = held[one.key]
    if not value or text_of(value) == '' or own_number(value) ~= one.own then return false end
  end
  return #people > 0
end

local function replace_roster(name, known, number, people)
  local held, listed, changed = held_roster(name), {}, false
  local at = number == '' and known.top or number
  if at < known.floor then
    if not only_lacks_some(held, people) then return false end
    at = known.floor
  end
  for _, one in ipairs(people) do
    if one.text ~= '' then
      local value = held[one.key]
      listed[one.key] = true
      local is_newer = not value or at > as_of(value)
      if is_newer or at == as_of(value) and (text_of(value) ~= '' or number == '') then
        changed = put(name, value, at, one) or changed
      end
    end
  end
  for key, value in pairs(held) do
    if not listed[key] and as_of(value) <= at then
      redis.call('HDEL', name, key)
      changed = changed or text_of(value) ~= ''
    end
  end
  if at ~= NO_NUMBER then known.floor = at end -- else nothing has had a number yet, and a delta that has one is newer
  if at > known.top then known.top = at end
  return changed, true
end

local function change_roster(name, known, number, people)
  local changed = false
  local at = number == '' and known.top or number
  for _, one in ipairs(people) do
    if one.own == NO_NUMBER and number ~= '' then one.own = number end
    local value = redis.call('HGET', name, one.key)
    local since = value and as_of(value) or known.floor
    local is_old = at < since or at == since and (not value or text_of(value) == '')
    if number == '' or not is_old or (value and at == since and one.text == '') then
      changed = put(name, value, at, one) or changed
    end
  end
  if at > known.top then known.top = at end
  return changed
end

-- Merge what came into a call's record and its hash. Tells whether what is shown has changed.
local function merge_roster(record, name, is_whole, number, packed)
  local known = record.people or {floor = '', top = NO_NUMBER}
  local is_first = not record.people and not record.roster
  record.people = known
  local base = record.roster and redis.sha1hex(record.roster)
  if base and base ~= known.base then -- 0.1.0 has written since: its roster stands for all that came before
    redis.call('DEL', name)
    known.base = base
  end
  local people = unpacked(packed)
  if not is_whole then return change_roster(name, known, number, people) or is_first end
  local changed, is_taken = replace_roster(name, known, number, people)
  if is_taken and base then
    record.roster, known.base, changed = nil, nil, true
  end
  return changed or is_first
end

