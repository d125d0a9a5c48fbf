--[[ Merge rosters, deltas and single participants into one roster.

USES  nothing

THE RULE
  Graph numbers its rosters. For each participant the update of the highest number counts, so the roster comes out the
  same in whatever order the updates arrive:
  - A delta states the participants that it names, as of its number. One that has left stays listed without a text,
    so that an older delta does not add it again.
  - A whole roster states all participants, as of the highest number in it: any that it lacks has left by then. That
    is the `floor`: an update at or below it does not add a participant that is not listed.
  - A participant's own number is that of its last change. An update of a single participant has no other. Leaving
    need not change it: a participant that has left is added again only under a higher one, and a whole roster
    gets no higher number when a participant leaves. A whole roster below the floor is therefore newer all the same if
    it has the stored own number of each of its participants, and only lacks some. Any other below the floor is old.
  - An update without any number is as new as the newest that arrived before it (`top`).

WHERE
  The hash `<prefix>roster:<call id>` maps a participant's key to: the number as of which it holds (19 digits), its own
  number (19), its place in the update (7), and its JSON text, empty when it has left. Numbers are compared as text.
  The call record has `people`: `floor` and `top`; and `base`, the digest of a `roster` that 0.1.0 wrote
  into the record, which the hash overrides (`roster_values.py`) until a whole roster replaces it.
]]

local NO_NUMBER = string.rep('0', NUMBER_WIDTH)
local PLACE_FORMAT = '%0' .. PLACE_WIDTH .. 'd'
local TEXT_START = 2 * NUMBER_WIDTH + PLACE_WIDTH + 1

local function as_of(value) return string.sub(value, 1, NUMBER_WIDTH) end
local function own_number(value) return string.sub(value, NUMBER_WIDTH + 1, 2 * NUMBER_WIDTH) end
local function text_of(value) return string.sub(value, TEXT_START) end

local function later(one, other) return one > other and one or other end

-- Unpack participants, three lines each: key, own number, text.
local function unpacked(packed)
  local people, position = {}, 1
  local function line() -- a plain search takes a tenth of the time that a pattern does
    local ending = string.find(packed, '\n', position, true)
    local text = string.sub(packed, position, ending - 1)
    position = ending + 1
    return text
  end
  while position <= #packed do
    local one = {key = line(), own = line(), text = line()}
    if one.own == '' then one.own = NO_NUMBER end
    one.place = string.format(PLACE_FORMAT, #people + 1)
    people[#people + 1] = one
  end
  return people
end

local function held_roster(name)
  local held, flat = {}, redis.call('HGETALL', name)
  for position = 1, #flat, 2 do held[flat[position]] = flat[position + 1] end
  return held
end

-- Store a participant. Returns whether the roster that clients see changes.
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

-- Return whether a participant that had left is in the call again.
local function is_back(value, at, own)
  return text_of(value) == '' and at > as_of(value) and own > own_number(value)
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
      local own = one.own == NO_NUMBER and at or one.own
      if number == '' or not value or text_of(value) ~= '' and at >= as_of(value) or is_back(value, at, own) then
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
  if at ~= NO_NUMBER then known.floor = at end -- else no update has had a number yet, and a delta that has one is newer
  if at > known.top then known.top = at end
  return changed, true
end

local function is_newer_than_held(known, value, at, one)
  if not value then return at > known.floor end
  if one.text == '' then return text_of(value) ~= '' and at >= own_number(value) or at > as_of(value) end
  return text_of(value) ~= '' and at >= as_of(value) or is_back(value, at, one.own)
end

local function change_roster(name, known, number, people)
  local changed = false
  for _, one in ipairs(people) do
    if number ~= '' then one.own = number end
    local has_number = one.own ~= NO_NUMBER or number ~= ''
    local at = has_number and one.own or known.top
    local value = redis.call('HGET', name, one.key)
    if not has_number or is_newer_than_held(known, value, at, one) then
      changed = put(name, value, later(at, value and as_of(value) or at), one) or changed
    end
    known.top = later(known.top, at)
  end
  if number ~= '' then known.top = later(known.top, number) end
  return changed
end

-- Merge an update into a call's record and its hash. Returns whether the roster that clients see changes.
local function merge_roster(record, name, is_whole, number, packed)
  local known = record.people or {floor = '', top = NO_NUMBER}
  local is_first = not record.people and not record.roster
  record.people = known
  local base = record.roster and redis.sha1hex(record.roster)
  if base and base ~= known.base then -- 0.1.0 has written since: its roster replaces all that came before
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

