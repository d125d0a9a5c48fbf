--[[ Get the time. Prepended to the scripts that need it. It is the store's: what one receiver with a wrong clock wrote
would count for all.
]]

-- Return the store's time in ms, and the time that counts: earlier by as many ms as `given` is below nought, or else, for
-- tests, `given` itself for both.
local function time_by(given)
  if given > 0 then return given, given end
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  return now, now + given
end

