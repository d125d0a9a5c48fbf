--[[ Get the time from the store's clock: a receiver whose clock is wrong would otherwise affect all others.

USES  nothing
]]

-- Return two times in ms: the store's, and the one that counts. A negative `given` is an age, by which the second is
-- earlier. A positive one replaces both; only tests give one.
local function time_by(given)
  if given > 0 then return given, given end
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  return now, now + given
end

