--[[ Merge updates into records: all that one notification changes, in one atomic step.

THE RULE
  Every status has a rank: notStarted 0, running 1 (and any unknown or missing one), completed and failed 2.
  A record is a join of all updates of one operation, so it comes out the same in whatever order and however often they
  arrive:
  - Each member remembers the rank of the update that brought it. An update of a higher rank overwrites it, one of a
    lower rank only fills what is absent. Absent is not null: what an update lacks stays.
  - Among equal ranks that are not final, the last to arrive wins. Rank 2 is final: the first value stands (a null gives
    way), and a different result is stored beside it, whole, as `conflict`.
  - The same update again is a duplicate: it is counted, and changes nothing else. `seen` holds the
    fingerprints of the last updates (FINGERPRINTS).
  - The same notification again, known by its id (a write that timed out may have happened), is not even counted.
  A call is merged alike, by the rank of its state (incoming 0 … terminated 4), but no state is final. Its roster has
  a rule of its own (`roster.lua`). Its tones are put in the order of their numbers, each number once, and the last
  ones stay (MAX_TONES); its `toneInfo` is the last of them.

WHICH RECORD
  An update belongs to the record with the same (client context, call id, operation id). Graph may leave out any of
  them, and the HTTP response to an action has no call id. So else it belongs to the one record that contradicts neither
  its ids nor its type and shares its client context or operation id; of several such, to the one that is not done. That
  record takes over the ids that it lacked. An update that fits no record, or several, gets a record of its own: two
  operations are never mixed up silently.
  A bare registration (only a client context) changes nothing if the client context is known already, unless it
  gives a deadline: that is for the latest of its records.

DEADLINE
  While there is no result, a record has a time at which it is `due`, counted from its first update: by the deadline
  that a registration gave last, else by the default. `mark_overdue.lua` marks it when that time passes; a result ends
  both.

SCRIPT   MERGE = constants + clock + read_record + number_lists + append_event + roster + merge
SCRIPT   MERGE_IF_VERSION = constants + read_record + newest_record + version_check + clock + number_lists
         + append_event + roster + merge

KEYS[1]  the counter of records, `<prefix>next`; all other keys derive from the prefix and share its slot (`keys.py`)
ARGV[1]  prefix   [2] 0, or minus the ms since the notification arrived (`clock.lua`)   [3] retention, s
     [4] notification id   [5] default deadline, ms
     [6] and on: the items, one after the other:
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
         there were any, the number of records that could not be read: an update of such a one gets a record of its own

MEMORY   Every path begins with a write that may grow (INCR, SET, XADD), so that a full server refuses it cleanly;
         after a script's first write the server no longer checks. Only a roster that does nothing but shrink may pass.
]]

local TTL, NOTIFICATION, DEADLINE = ARGV[3], ARGV[4], tonumber(ARGV[5])
local STORE_TIME, NOW = time_by(tonumber(ARGV[2]))
local FINAL, NEVER = 2, 99
local SEEN_LENGTH = FINGERPRINTS * (FINGERPRINT_LENGTH + 1)
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

-- A record's `last` names the last notifications that updated it, each with the index of its last item:
-- 'a1b2.0:0 c3d4.0:1'. More than one: all that shared a round trip are sent again, in the same order, when its replies
-- are lost.
local function is_resent(record)
  local _, colon = string.find(' ' .. record.last, ' ' .. NOTIFICATION .. ':', 1, true)
  return colon and tonumber(string.match(record.last, '^%d+', colon)) >= item_index
end

local function remember_notification(record)
  local last = {}
  for one in string.gmatch(record.last, '%S+') do
    if string.sub(one, 1, #NOTIFICATION + 1) ~= NOTIFICATION .. ':' then last[#last + 1] = one end
  end
  last[#last + 1] = NOTIFICATION .. ':' .. item_index
  record.last = table.concat(last, ' ', math.max(1, #last - NOTIFICATIONS_REMEMBERED + 1))
end

local function touch(record)
  record.updated = math.max(record.updated, NOW)
  record.rev = record.rev + 1
end

-- Merge members and status by rank. Returns whether anything changed.
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

-- Return the last numbers of a list. No update looks further, so that a constant client context costs no more than any
-- other.
local function newest(list)
  local numbers = {}
  for number in string.gmatch(list, '%d+') do numbers[#numbers + 1] = number end
  return table.concat(numbers, ' ', math.max(1, #numbers - CANDIDATE_RECORDS + 1))
end

local function add_to_list(name, number)
  redis.call('SET', name, newest(with_number(redis.call('GET', name) or '', number)), 'EX', TTL)
end

local function remove_from_list(name, number)
  local rest = without_number(redis.call('GET', name) or '', number)
  if rest == '' then redis.call('DEL', name) else redis.call('SET', name, rest, 'EX', TTL) end
end

-- Load a record; `read` reads its text. Returns it or nothing, and whether there is one that cannot be read.
local function load(name, read)
  local text, exists = get_text(name)
  local record = text and read(text)
  if exists and not record then unreadable = unreadable + 1 end
  return record, exists and not record
end

-- Return whether two types may be those of one operation. If both are known and differ, there are two operations.
local function types_agree(one, other)
  return one == '' or other == '' or one == other or one == 'commsOperation' or other == 'commsOperation'
end

local function fits(record, cc, call, op)
  local shared = (cc ~= '' and cc == record.cc) or (op ~= '' and op == record.op)
  return shared
    and (cc == '' or record.cc == '' or cc == record.cc)
    and (call == '' or record.call == '' or call == record.call)
    and (op == '' or record.op == '' or op == record.op)
end

-- Find the record that an update with these ids belongs to. Returns it and its number; nothing if it needs a new one.
local function find(cc, call, op, kind)
  local numbers, listed = '', ''
  if call ~= '' then
    listed = redis.call('HGET', key('ops', call), op) or ''
    numbers = newest(listed)
  end
  local is_cut = numbers ~= listed -- then the client context has fewer records than the call
  if op ~= '' then numbers = numbers .. ' ' .. (redis.call('GET', key('oid', op)) or '') end
  if cc ~= '' and op ~= '' then numbers = numbers .. ' ' .. (redis.call('GET', key('open', cc)) or '') end
  if cc ~= '' and (op == '' or call == '' or is_cut) then
    numbers = numbers .. ' ' .. table.concat(redis.call('ZREVRANGE', key('cc', cc), 0, CANDIDATE_RECORDS - 1), ' ')
  end
  local looked, fitting, open = {}, {}, {}
  for number in string.gmatch(numbers, '%d+') do
    local record = not looked[number] and load(key('op', number), read_operation)
    looked[number] = true
    if record and (op ~= '' and record.op ~= '' or types_agree(record.type, kind)) then
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
  for _, number in ipairs(redis.call('ZREVRANGE', key('cc', cc), 0, CANDIDATE_RECORDS - 1)) do
    local record = load(key('op', number), read_operation)
    if record then return record, number end
  end
end

-- Set when the result is due; to nothing if it has come. Returns whether that is another time than before.
local function set_due(record, deadline)
  local due = deadline and record.first + deadline or record.due or record.first + DEADLINE
  if record.rank >= FINAL then due = nil end
  if due == record.due then return false end
  record.due, record.overdue = due, nil
  return true
end

-- Make the indexes point at a record, and remove it from those that its ids, before they were filled in, led to.
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
    add_to_list(key('oid', op), number)
  elseif before and before.op ~= '' then
    remove_from_list(key('oid', before.op), number)
  end
  if cc ~= '' and op == '' then
    add_to_list(key('open', cc), number)
  elseif before and before.cc ~= '' then
    remove_from_list(key('open', before.cc), number)
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

-- Put a record into `due`, or take it out. One that was marked overdue is no longer in there.
local function schedule(record, number, before)
  if record.due then
    redis.call('ZADD', PREFIX .. 'due', record.due, number)
  elseif not before.overdue then
    redis.call('ZREM', PREFIX .. 'due', number)
  end
  if before.overdue then redis.call('ZREM', PREFIX .. 'overdue', number) end
end

-- Delete entries of streams that are older than the retention: entries do not expire by themselves. The time is that of
-- the store's clock, as in their ids: a receiver whose clock is ahead would delete entries that have just been added.
local function trim(...)
  local oldest = string.format('%.0f', (redis.call('TIME')[1] - TTL) * 1000)
  -- A key of another type is an error for the item that is appended to it, and for no other.
  for _, stream in ipairs({...}) do redis.pcall('XTRIM', PREFIX .. stream, 'MINID', oldest) end
end

-- Delete what has grown old, whenever new records are made; a stream to which nothing is added expires as a whole.
-- Raise the mark below which every record is gone by at most two numbers for each new record; on average it needs one.
local function sweep(newest, created)
  trim('changes', 'quarantine', 'feed')
  local mark = math.floor(tonumber(get_text(PREFIX .. 'oldest') or 1) or 1)
  local oldest = mark
  while oldest < newest and oldest < mark + 2 * created and redis.call('EXISTS', key('op', oldest)) == 0 do
    oldest = oldest + 1
  end
  if oldest > mark then redis.call('SET', PREFIX .. 'oldest', oldest) end
end

local function new_record()
  return {
    made = STORE_TIME ~= NOW and STORE_TIME or nil, -- the time that numbers follow, if `first` is earlier
    status = '', rank = -1, members = {}, times = {}, tenant = '', first = NOW, updated = NOW, rev = 0, news = 0,
    dups = 0, last = '',
  }
end

local created, newest_number = 0, nil

local function merge_operation()
  local cc, call, op, tenant, kind = take(), take(), take(), take(), take()
  local status, rank, fingerprint, counts = take(), tonumber(take()), take(), tonumber(take())
  local deadline = tonumber(take())
  local members = take_pairs()

  local is_bare = call == '' and op == '' and status == '' and next(members) == nil
  local record, number
  if is_bare then record, number = latest(cc) else record, number = find(cc, call, op, kind) end
  local outcome, before = 'changed', nil
  if record then
    before = {cc = record.cc, call = record.call, op = record.op, overdue = record.overdue}
    if is_resent(record) or is_bare and not deadline then return 'duplicate' end
  else
    newest_number = redis.call('INCR', KEYS[1])
    number, created = tostring(newest_number), created + 1
    record, outcome = new_record(), 'new'
    record.cc, record.call, record.op, record.type, record.seen = '', '', '', '', ''
  end
  if counts == 1 then
    remember_notification(record)
    record.news = record.news + 1
  end
  for name, value in pairs({cc = cc, call = call, op = op, tenant = tenant, type = kind}) do
    if record[name] == '' then record[name] = value end
  end

  if is_bare and before or string.find(record.seen, fingerprint, 1, true) then
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
  local rescheduled = set_due(record, deadline)
  local changed = rescheduled or outcome ~= 'duplicate'
  if changed then touch(record) end
  save(record, number, before)
  if rescheduled then schedule(record, number, before or {}) end
  if changed then append_event('o', number, record.rev) end
  return outcome
end

-- Merge an update into a call's record. `change` does it, and returns whether anything changed, and a new tone.
local function merge_call(call, tenant, change)
  local name = key('call', call)
  local record, is_unreadable = load(name, read_call)
  local outcome = 'changed'
  if is_unreadable then redis.call('COPY', name, key('unreadable', call), 'REPLACE') end
  if not record then
    record, outcome = new_record(), 'new'
    record.call = call
    redis.call('SET', name, cjson.encode(record), 'EX', TTL)
    redis.call('DEL', key('roster', call), key('participants', call)) -- 0.1.0 deletes a call without them
  elseif is_resent(record) then
    return 'duplicate'
  end
  remember_notification(record)
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
  if outcome ~= 'duplicate' then append_event('c', call, record.rev, tone) end
  return outcome
end

-- Insert a tone by its number. Returns whether it is new and among the last.
local function add_tone(record, number, text)
  local tones = record.tones or {}
  local place = #tones
  while place > 0 and tones[place][1] > number do place = place - 1 end
  if place > 0 and tones[place][1] == number or place == 0 and #tones == MAX_TONES then return false end
  table.insert(tones, place + 1, {number, text})
  if #tones > MAX_TONES then table.remove(tones, 1) end
  record.tones = tones
  record.members.toneInfo = {record.rank, tones[#tones][2]}
  return true
end

local function merge_call_state()
  local call, tenant, state, rank, number, text = take(), take(), take(), tonumber(take()), take(), take()
  local members = take_pairs()
  return merge_call(call, tenant, function(record)
    if record.tones then members.toneInfo = nil end -- a tone without a number has no place in their order
    local changed = join(record, state, rank, members, NEVER)
    local is_new_tone = number ~= '' and add_tone(record, number, text)
    return changed or is_new_tone, is_new_tone and text or nil
  end)
end

local function merge_call_roster(is_whole)
  local call, tenant, number, packed = take(), take(), take(), take()
  return merge_call(call, tenant, function(record)
    return merge_roster(record, key('roster', call), is_whole, number, packed)
  end)
end

local function add_participant_notification()
  local call, tenant, text = take(), take(), take()
  return merge_call(call, tenant, function(record)
    redis.call('RPUSH', key('participants', call), text)
    redis.call('LTRIM', key('participants', call), -MAX_PARTICIPANT_NOTIFICATIONS, -1)
    record.joined = true
    return true
  end)
end

-- Return whether this notification has been appended to streams before; found out once for all its items.
local was_appended
local function is_sent_again()
  if was_appended == nil then
    was_appended = not redis.call('SET', key('sent', NOTIFICATION), '', 'EX', NOTIFICATION_SECONDS, 'NX')
  end
  return was_appended
end

-- Append to a stream of limited length. Returns the new entry's id; nothing if the notification was appended before.
local function append_item(stream, length)
  local name = PREFIX .. stream
  local fields = {}
  for _ = 1, 2 * tonumber(take()) do fields[#fields + 1] = take() end
  if is_sent_again() then return nil end
  local id = redis.call('XADD', name, 'MAXLEN', '~', length, '*', unpack(fields))
  redis.call('EXPIRE', name, TTL)
  trim(stream)
  return id
end

local function append_change()
  local id = append_item('changes', CHANGES_LENGTH)
  if id then append_event('n', id, 1) end
  return 'kept'
end

local function append_to_quarantine()
  append_item('quarantine', QUARANTINE_LENGTH)
  return 'kept'
end

local MERGE_ITEM = {
  o = merge_operation,
  c = merge_call_state,
  r = function() return merge_call_roster(true) end,
  d = function() return merge_call_roster(false) end,
  p = add_participant_notification,
  n = append_change,
  q = append_to_quarantine,
}

local outcomes = {}
while position <= #ARGV do
  outcomes[#outcomes + 1] = MERGE_ITEM[take()]()
  item_index = item_index + 1
end
if has_appended then redis.call('EXPIRE', PREFIX .. 'feed', TTL) end -- which holds ids of calls
if created > 0 then sweep(newest_number, created) end
if unreadable > 0 then outcomes[#outcomes + 1] = unreadable end
return outcomes
