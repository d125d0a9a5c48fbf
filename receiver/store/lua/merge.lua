--[[ Keep news: all that one notification changes, in one atomic step.

THE RULE
  Every status has a rank: notStarted 0, running 1 (and any unknown or missing one), completed and failed 2.
  A record is a join of all the news about one operation, so it comes out the same in whatever order and however
  often they arrive:
  - Each member remembers the rank of the news that brought it. News of a higher rank overwrites it, of a lower
    rank only fills what is absent. Absent is not null: what the news lacks, stays.
  - Among equals that are not final, the last to arrive wins. Rank 2 is final: the first value stands (a null gives
    way), and a different result is kept beside it, whole, as `conflict`.
  - The same news again is a duplicate: counted, and nothing else. `seen` holds the fingerprints of the last 32.
  - The same delivery again (a write that timed out here may have happened there) is not even counted.
  A call is merged alike, by the rank of its state (incoming 0 … terminated 4), but nothing of it is final. Its
  roster has a rule of its own (`roster.lua`). Its tones are put in the order of their numbers, each number once, and the
  last 100 stay; its `toneInfo` is the last of them.

WHICH RECORD
  News belongs to the record with the same (client context, call id, operation id). Graph may leave out any of them,
  and an action's HTTP response knows no call, so else it belongs to the one record that contradicts neither its
  ids nor its type and shares its client context or operation id; of several such, to the one that is not done. That record takes over
  the ids that it lacked. News that fits none, or several, gets a record of its own: nothing is mixed up silently.
  A bare registration (only a client context) says nothing where the client context is known already, unless it
  gives a deadline: that is for the latest of its records.

DEADLINE
  While there is no result, a record has a time at which it is `due`, counted from its first news: by the deadline
  that a registration gave last, else by the default. `overdue.lua` tells when it passes; the result ends both.

KEYS[1]  the record counter, `<prefix>next`; all other keys derive from the prefix and share its slot (keys.py)
ARGV[1]  prefix   [2] 0, or minus the ms for which this has waited elsewhere (`clock.lua`)   [3] retention, s   [4] delivery id   [5] default deadline, ms,
         and from [6] on the items, one after the other:
         'o' client context, call id, operation id, tenant id, type, status, rank, fingerprint,
             1 if it counts as a notification else 0, deadline in ms or nothing,
             number of members, then name and JSON text of each
         'c' call id, tenant id, state, rank, number and JSON text of a tone or nothing twice, number of members,
             then name and JSON text of each
         'r' call id, tenant id, number or nothing, packed participants (`roster.lua`): a whole roster
         'd' the same: the participants of a roster that changed
         'p' call id, tenant id, JSON text: the notification of a participant that joins or has left
         'n' number of fields, then name and text of each: a change notification
         'q' number of fields, then name and text of each: an item for the quarantine
Returns  for each item: 'new', 'changed', 'duplicate', 'conflict', or for the last two kinds 'kept'; and behind them, if
         there were any, the number of records that could not be read: what belongs to such a one gets a record of its own

MEMORY  Every path begins with a write that may grow (INCR, SET, XADD), so that a full server refuses it cleanly;
        after a script's first write the server no longer checks. Only a roster that does nothing but shrink may pass.

SCRIPTS  `numbers.lua`, `announce.lua` and `roster.lua` are prepended to this text.
]]

local PREFIX, TTL, DELIVERY, DEADLINE = ARGV[1], ARGV[3], ARGV[4], tonumber(ARGV[5])
local STORE_TIME, NOW = time_by(tonumber(ARGV[2]))
local FINAL, NEVER = 2, 99
local MOST_LOOKED_AT = 16
local SEEN_LENGTH = 32 * 9
local DELIVERIES_REMEMBERED = 8
local SENT_TTL = 600
local MOST_TONES = 100
local MOST_OF_PARTICIPANTS = 100
local position, item_index, unreadable = 6, 0, 0

local function key(name, id) return PREFIX .. name .. ':' .. id end

local function take()
  position = position + 1
  return ARGV[position - 1]
end

local function take_pairs()
  local pairs_ = {}
  for _ = 1, tonumber(take()) do
    local name = take()
    pairs_[name] = take()
  end
  return pairs_
end

-- A record's `last` names the last deliveries that brought it news, each with the last item of it: 'a1b2.0:0 c3d4.0:1'.
-- More than one, since all that shared a round trip are sent again, in the same order, when its replies are lost.
local function is_resent(record)
  local _, colon = string.find(' ' .. record.last, ' ' .. DELIVERY .. ':', 1, true)
  return colon and tonumber(string.match(record.last, '^%d+', colon)) >= item_index
end

local function remember_delivery(record)
  local last = {}
  for one in string.gmatch(record.last, '%S+') do
    if string.sub(one, 1, #DELIVERY + 1) ~= DELIVERY .. ':' then last[#last + 1] = one end
  end
  last[#last + 1] = DELIVERY .. ':' .. item_index
  record.last = table.concat(last, ' ', math.max(1, #last - DELIVERIES_REMEMBERED + 1))
end

local function touch(record)
  record.updated = math.max(record.updated, NOW)
  record.rev = record.rev + 1
end

-- Merge members and status by rank. Tells whether anything changed.
local function join(record, status, rank, members, final)
  local changed = false
  if status ~= '' and not record.times[status] then
    record.times[status] = NOW
    changed = true
  end
  if status ~= '' and status ~= record.status and (rank > record.rank or (rank == record.rank and rank < final)) then
    record.status, record.rank = status, rank
    changed = true
  end
  for name, text in pairs(members) do
    local held = record.members[name]
    local wins = not held or rank > held[1]
      or (rank == held[1] and (rank < final or held[2] == 'null'))
    if wins and not (held and held[1] == rank and held[2] == text) then
      record.members[name] = {rank, text}
      changed = true
    end
  end
  return changed
end

local function contradicts(record, status, rank, members)
  if rank < FINAL or record.rank < FINAL then return false end
  if status ~= record.status then return true end
  for name, text in pairs(members) do
    local held = record.members[name]
    if held and held[1] == FINAL and held[2] ~= text and held[2] ~= 'null' and text ~= 'null'
      and string.sub(name, 1, 7) ~= '@odata.' then
      return true
    end
  end
  return false
end

local function with_number(list, number)
  if string.find(' ' .. list .. ' ', ' ' .. number .. ' ', 1, true) then return list end
  return list == '' and number or list .. ' ' .. number
end

-- The last of them: nobody looks further, so that a constant client context costs no more than another.
local function newest(list)
  local numbers = {}
  for number in string.gmatch(list, '%d+') do numbers[#numbers + 1] = number end
  return table.concat(numbers, ' ', math.max(1, #numbers - MOST_LOOKED_AT + 1))
end

local function list_number(name, number)
  redis.call('SET', name, newest(with_number(redis.call('GET', name) or '', number)), 'EX', TTL)
end

local function unlist_number(name, number)
  local rest = without_number(redis.call('GET', name) or '', number)
  if rest == '' then redis.call('DEL', name) else redis.call('SET', name, rest, 'EX', TTL) end
end

-- Load a record by what reads its text. Returns it, or nothing, and whether there is something that cannot be read.
local function load(name, read)
  local text, exists = get_text(name)
  local record = text and read(text)
  if exists and not record then unreadable = unreadable + 1 end
  return record, exists and not record
end

-- Two types that are known and differ are two operations, whatever else fits.
local function same_kind(one, other)
  return one == '' or other == '' or one == other or one == 'commsOperation' or other == 'commsOperation'
end

local function fits(record, cc, call, op)
  local shared = (cc ~= '' and cc == record.cc) or (op ~= '' and op == record.op)
  return shared
    and (cc == '' or record.cc == '' or cc == record.cc)
    and (call == '' or record.call == '' or call == record.call)
    and (op == '' or record.op == '' or op == record.op)
end

-- The record that news with these ids belongs to, and its number; nothing, where it is a record of its own.
local function find(cc, call, op, kind)
  local numbers, listed = '', ''
  if call ~= '' then
    listed = redis.call('HGET', key('ops', call), op) or ''
    numbers = newest(listed)
  end
  local is_cut = numbers ~= listed -- then the client context's own are fewer
  if op ~= '' then numbers = numbers .. ' ' .. (redis.call('GET', key('oid', op)) or '') end
  if cc ~= '' and op ~= '' then numbers = numbers .. ' ' .. (redis.call('GET', key('open', cc)) or '') end
  if cc ~= '' and (op == '' or call == '' or is_cut) then
    numbers = numbers .. ' ' .. table.concat(redis.call('ZREVRANGE', key('cc', cc), 0, MOST_LOOKED_AT - 1), ' ')
  end
  local looked, fitting, open = {}, {}, {}
  for number in string.gmatch(numbers, '%d+') do
    local record = not looked[number] and load(key('op', number), read_operation)
    looked[number] = true
    if record and (op ~= '' and record.op ~= '' or same_kind(record.type, kind)) then
      if record.cc == cc and record.call == call and record.op == op then return record, number end
      if fits(record, cc, call, op) then
        fitting[#fitting + 1] = {record, number}
        if record.rank < FINAL then open[#open + 1] = {record, number} end
      end
    end
  end
  local chosen = #fitting == 1 and fitting[1] or #open == 1 and open[1]
  if chosen then return chosen[1], chosen[2] end
end

local function latest(cc)
  for _, number in ipairs(redis.call('ZREVRANGE', key('cc', cc), 0, MOST_LOOKED_AT - 1)) do
    local record = load(key('op', number), read_operation)
    if record then return record, number end
  end
end

-- Say when the result is due; never, where it has come. Tells whether that is another time than before.
local function expect(record, deadline)
  local due = deadline and record.first + deadline or record.due or record.first + DEADLINE
  if record.rank >= FINAL then due = nil end
  if due == record.due then return false end
  record.due, record.overdue = due, nil
  return true
end

-- Make the indexes point at a record, and no longer where its ids, now filled in, have led before.
local function index(record, number, before)
  local cc, call, op = record.cc, record.call, record.op
  if cc ~= '' then
    local name = key('cc', cc)
    redis.call('ZADD', name, number, number)
    redis.call('EXPIRE', name, TTL)
    for _, oldest in ipairs(redis.call('ZRANGE', name, 0, 1)) do
      if oldest ~= number and redis.call('EXISTS', key('op', oldest)) == 0 then redis.call('ZREM', name, oldest) end
    end
  end
  if call ~= '' then
    local name = key('ops', call)
    if redis.call('HSETNX', name, op, number) == 0 then
      redis.call('HSET', name, op, with_number(redis.call('HGET', name, op), number))
    end
    redis.call('EXPIRE', name, TTL)
    if before and before.call == call and before.op ~= op then
      local rest = without_number(redis.call('HGET', name, before.op) or '', number)
      if rest == '' then redis.call('HDEL', name, before.op) else redis.call('HSET', name, before.op, rest) end
    end
  end
  if op ~= '' and (call == '' or cc == '') then
    list_number(key('oid', op), number)
  elseif before and before.op ~= '' then
    unlist_number(key('oid', before.op), number)
  end
  if cc ~= '' and op == '' then
    list_number(key('open', cc), number)
  elseif before and before.cc ~= '' then
    unlist_number(key('open', before.cc), number)
  end
end

local function save(record, number, before)
  redis.call('SET', key('op', number), cjson.encode(record), 'EX', TTL)
  if before and before.cc == record.cc and before.call == record.call and before.op == record.op then
    if record.cc ~= '' then redis.call('EXPIRE', key('cc', record.cc), TTL) end
    if record.call ~= '' then redis.call('EXPIRE', key('ops', record.call), TTL) end
    if record.op ~= '' and (record.call == '' or record.cc == '') then
      redis.call('EXPIRE', key('oid', record.op), TTL)
    end
    if record.op == '' and record.cc ~= '' then redis.call('EXPIRE', key('open', record.cc), TTL) end
  else
    index(record, number, before)
  end
end

-- Have the sweeper find the record when it is due. Where it has been found overdue, it is no longer in line.
local function line_up(record, number, before)
  if record.due then
    redis.call('ZADD', PREFIX .. 'due', record.due, number)
  elseif not before.overdue then
    redis.call('ZREM', PREFIX .. 'due', number)
  end
  if before.overdue then redis.call('ZREM', PREFIX .. 'overdue', number) end
end

-- Drop what of the streams is older than the retention: their entries don't expire by themselves. By the store's clock,
-- of which their ids are: a receiver whose clock is ahead would drop what has just come.
local function trim(...)
  local oldest = string.format('%.0f', (redis.call('TIME')[1] - TTL) * 1000)
  -- Not a stream at all: that is an error for what is appended to it, and for nothing else.
  for _, stream in ipairs({...}) do redis.pcall('XTRIM', PREFIX .. stream, 'MINID', oldest) end
end

-- Drop what has grown old, as long as new records come; a stream that nothing is added to expires as a whole.
-- Lift the mark below which every record is gone by at most two numbers for each new record: one, on average.
local function sweep(newest, created)
  trim('changes', 'quarantine', 'feed')
  local mark = math.floor(tonumber(get_text(PREFIX .. 'oldest') or 1) or 1)
  local oldest = mark
  while oldest < newest and oldest < mark + 2 * created and redis.call('EXISTS', key('op', oldest)) == 0 do
    oldest = oldest + 1
  end
  if oldest > mark then redis.call('SET', PREFIX .. 'oldest', oldest) end
end

local function blank()
  return {
    made = STORE_TIME ~= NOW and STORE_TIME or nil, -- by which numbers are given, where `first` is earlier
    status = '', rank = -1, members = {}, times = {}, tenant = '', first = NOW, updated = NOW, rev = 0, news = 0,
    dups = 0, last = '',
  }
end

local created, newest_number = 0, nil

local function keep_operation()
  local cc, call, op, tenant, kind = take(), take(), take(), take(), take()
  local status, rank, fingerprint, counts = take(), tonumber(take()), take(), tonumber(take())
  local deadline = tonumber(take())
  local members = take_pairs()

  local bare = call == '' and op == '' and status == '' and next(members) == nil
  local record, number
  if bare then record, number = latest(cc) else record, number = find(cc, call, op, kind) end
  local outcome, before = 'changed', nil
  if record then
    before = {cc = record.cc, call = record.call, op = record.op, overdue = record.overdue}
    if is_resent(record) or bare and not deadline then return 'duplicate' end
  else
    newest_number = redis.call('INCR', KEYS[1])
    number, created = tostring(newest_number), created + 1
    record, outcome = blank(), 'new'
    record.cc, record.call, record.op, record.type, record.seen = '', '', '', '', ''
  end
  if counts == 1 then
    remember_delivery(record)
    record.news = record.news + 1
  end
  for name, value in pairs({cc = cc, call = call, op = op, tenant = tenant, type = kind}) do
    if record[name] == '' then record[name] = value end
  end

  if bare and before or string.find(record.seen, fingerprint, 1, true) then
    record.dups = record.dups + counts
    outcome = 'duplicate'
  else
    record.seen = string.sub(record.seen .. fingerprint .. ' ', -SEEN_LENGTH)
    if contradicts(record, status, rank, members) then
      record.conflict = record.conflict or {status = status, at = NOW, members = members}
      outcome = 'conflict'
    else
      join(record, status, rank, members, FINAL)
    end
  end
  local rescheduled = expect(record, deadline)
  local changed = rescheduled or outcome ~= 'duplicate'
  if changed then touch(record) end
  save(record, number, before)
  if rescheduled then line_up(record, number, before or {}) end
  if changed then announce(PREFIX, 'o', number, record.rev) end
  return outcome
end

-- Merge an update into a call's record. `change` does it, and returns whether anything changed, and a new tone.
local function keep_call(call, tenant, change)
  local name = key('call', call)
  local record, is_unreadable = load(name, read_call)
  local outcome = 'changed'
  if is_unreadable then redis.call('COPY', name, key('unreadable', call), 'REPLACE') end
  if not record then
    record, outcome = blank(), 'new'
    record.call = call
    redis.call('SET', name, cjson.encode(record), 'EX', TTL)
    redis.call('DEL', key('roster', call), key('participants', call)) -- 0.1.0 forgets a call without them
  elseif is_resent(record) then
    return 'duplicate'
  end
  remember_delivery(record)
  record.news = record.news + 1
  if record.tenant == '' then record.tenant = tenant end
  local changed, tone = change(record)
  if changed or outcome == 'new' then
    touch(record)
  else
    record.dups = record.dups + 1
    outcome = 'duplicate'
  end
  redis.call('SET', name, cjson.encode(record), 'EX', TTL)
  if record.people then redis.call('EXPIRE', key('roster', call), TTL) end
  if record.joined then redis.call('EXPIRE', key('participants', call), TTL) end
  if outcome ~= 'duplicate' then announce(PREFIX, 'c', call, record.rev, tone) end
  return outcome
end

-- Insert a tone by its number. Returns whether it is new and among the last.
local function add_tone(record, number, text)
  local tones = record.tones or {}
  local place = #tones
  while place > 0 and tones[place][1] > number do place = place - 1 end
  if place > 0 and tones[place][1] == number or place == 0 and #tones == MOST_TONES then return false end
  table.insert(tones, place + 1, {number, text})
  if #tones > MOST_TONES then table.remove(tones, 1) end
  record.tones = tones
  record.members.toneInfo = {record.rank, tones[#tones][2]}
  return true
end

local function keep_state()
  local call, tenant, state, rank, number, text = take(), take(), take(), tonumber(take()), take(), take()
  local members = take_pairs()
  return keep_call(call, tenant, function(record)
    if record.tones then members.toneInfo = nil end -- one without a number has no place in their order
    local changed = join(record, state, rank, members, NEVER)
    local is_new_tone = number ~= '' and add_tone(record, number, text)
    return changed or is_new_tone, is_new_tone and text or nil
  end)
end

local function keep_roster(is_whole)
  local call, tenant, number, packed = take(), take(), take(), take()
  return keep_call(call, tenant, function(record)
    return merge_roster(record, key('roster', call), is_whole, number, packed)
  end)
end

local function keep_participant()
  local call, tenant, text = take(), take(), take()
  return keep_call(call, tenant, function(record)
    redis.call('RPUSH', key('participants', call), text)
    redis.call('LTRIM', key('participants', call), -MOST_OF_PARTICIPANTS, -1)
    record.joined = true
    return true
  end)
end

-- Whether this delivery has brought streams something before: told once for all its items, which come together.
local came_before
local function is_sent_again()
  if came_before == nil then came_before = not redis.call('SET', key('sent', DELIVERY), '', 'EX', SENT_TTL, 'NX') end
  return came_before
end

-- Append to a capped stream. Returns the new entry's id; nothing, where the delivery stands there already.
local function append(stream, most)
  local name = PREFIX .. stream
  local fields = {}
  for _ = 1, 2 * tonumber(take()) do fields[#fields + 1] = take() end
  if is_sent_again() then return nil end
  local id = redis.call('XADD', name, 'MAXLEN', '~', most, '*', unpack(fields))
  redis.call('EXPIRE', name, TTL)
  trim(stream)
  return id
end

local function keep_change()
  local id = append('changes', '10000')
  if id then announce(PREFIX, 'n', id, 1) end
  return 'kept'
end

local function keep_in_quarantine()
  append('quarantine', '1000')
  return 'kept'
end

local KEEP = {
  o = keep_operation,
  c = keep_state,
  r = function() return keep_roster(true) end,
  d = function() return keep_roster(false) end,
  p = keep_participant,
  n = keep_change,
  q = keep_in_quarantine,
}

local outcomes = {}
while position <= #ARGV do
  outcomes[#outcomes + 1] = KEEP[take()]()
  item_index = item_index + 1
end
if told then redis.call('EXPIRE', PREFIX .. 'feed', TTL) end -- it has ids of calls
if created > 0 then sweep(newest_number, created) end
if unreadable > 0 then outcomes[#outcomes + 1] = unreadable end
return outcomes
