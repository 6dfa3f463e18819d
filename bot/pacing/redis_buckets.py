"""Buckets that all processes share: the arithmetic of `buckets` as scripts, run inside Redis and by its clock.

One round trip a booking; nothing comes between its reading and its writing. What it needs of Redis is lost without
harm: after a flush or a restart nothing is granted for as long as a token may have been booked ahead, so that whatever
was booked before is used up. Only counts of an hour, a day or a month are forgotten with it.
"""

from collections.abc import Sequence

from redis.asyncio import Redis

from bot.pacing.buckets import EPOCH, HORIZON, MOST_FORGIVEN, WINDOW, Ask, Booking, Bucket, totals

_KEPT = 60  # seconds a bucket that holds nothing stays

_COMMON = (
    f"""
local EPOCH, WINDOW, HORIZON, FORGIVEN, KEPT = {EPOCH}, {WINDOW}, {HORIZON}, {MOST_FORGIVEN}, {_KEPT}
local HOUR, DAY = 3600000000, 86400000000
local SHANGHAI = (EPOCH + 28800) * 1000000
"""
    + """
local floor, max, min, huge = math.floor, math.max, math.min, math.huge

local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return (time[1] - EPOCH) * 1000000 + time[2]
end

-- the first day of a day's month, in days since 1970; years begin in March here, so that leap days come last
local function month_start(day)
  local past = (day + 719468) % 146097
  local year = floor((past - floor(past / 1460) + floor(past / 36524) - floor(past / 146096)) / 365)
  local in_year = past - (365 * year + floor(year / 4) - floor(year / 100))
  local month = floor((5 * in_year + 2) / 153)
  return day - (in_year - floor((153 * month + 2) / 5))
end

-- the natural hour, day and month of a moment: beginning and end of each
local function windows(at)
  local hour, day = floor((at + SHANGHAI) / HOUR), floor((at + SHANGHAI) / DAY)
  local first = month_start(day)
  return {
    {hour * HOUR - SHANGHAI, (hour + 1) * HOUR - SHANGHAI},
    {day * DAY - SHANGHAI, (day + 1) * DAY - SHANGHAI},
    {first * DAY - SHANGHAI, month_start(first + 31) * DAY - SHANGHAI},
  }
end

local QUOTAS = {{'h', 'hn'}, {'d', 'dn'}, {'m', 'mn'}}

local function read(key)
  local held = redis.call('HMGET', key, 'next', 'factor', 'until', 'h', 'hn', 'd', 'dn', 'm', 'mn')
  local used = {}
  for i = 1, 3 do used[i] = {tonumber(held[2 + 2 * i]), tonumber(held[3 + 2 * i] or 0)} end
  return tonumber(held[1] or nil), tonumber(held[2] or 1), tonumber(held[3] or -huge), used
end

local function slowed(interval, factor, till, now)
  if now < till and factor > 0 then return interval / factor end
  return interval
end

local function keep(key, till, now)
  redis.call('PEXPIRE', key, math.ceil((till - now) / 1000) + KEPT * 1000)
end
"""
)

_BOOK = (
    _COMMON
    + """
local now, commons, lanes = clock(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local spans = windows(now)
local since = redis.call('GET', KEYS[1])
if not since then
  redis.call('SET', KEYS[1], now)
  since = now
end
local silence = -huge
if tonumber(since) <= now then silence = since + HORIZON end

local function open(key, at)
  local interval, burst = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local stored, factor, till, used = read(key)
  local line = {key = key, till = till, taken = 0, left = {}}
  local free = now
  if interval > 0 then
    interval = slowed(interval, factor, till, now)
    if burst == 0 then burst = 1 + floor(WINDOW / interval) end
    free = now - ((burst - 1) * interval + min(interval / 2, FORGIVEN))
  end
  if stored then free = stored <= now + HORIZON + WINDOW + interval + 1 and max(free, stored) or now end
  if factor == 0 and now < till then free = max(free, till) end
  if interval > 0 then free = max(free, silence) end
  line.next, line.interval, line.burst = free, interval, burst
  for i = 1, 3 do
    local most = tonumber(ARGV[at + 1 + i])
    if most > 0 then
      local count = used[i][1] == spans[i][1] and used[i][2] or 0
      table.insert(line.left, {most - count, spans[i][2], i, count})
    end
  end
  return line
end

local function room(line, edge)
  local most = huge
  for _, quota in ipairs(line.left) do most = min(most, quota[1]) end
  if line.interval > 0 then
    most = min(most, line.burst, floor((edge - line.next) / line.interval) + 1)
  elseif line.next > edge then
    return 0
  end
  return max(0, most - line.taken)
end

local function refills(line)
  local till = 0
  for _, quota in ipairs(line.left) do
    if quota[1] - line.taken < 1 then till = max(till, quota[2]) end
  end
  return till
end

local lines, common, own, counts, place = {}, {}, {}, {}, 4
for i = 2, #KEYS do
  lines[i - 1] = open(KEYS[i], place)
  place = place + 5
end
for i = 1, commons do common[i] = lines[i] end
for i = 1, lanes do
  counts[i], own[i] = tonumber(ARGV[place]), lines[tonumber(ARGV[place + 1])] or false
  place = place + 2
end

local function reopens(line, from)
  local till = 0
  for _, one in ipairs(common) do till = max(till, refills(one)) end
  if line then till = max(till, refills(line)) end
  if till > 0 then return till end
  if not line then return 0 end
  local following = line.next + line.taken * line.interval
  return following - from > HORIZON and following or 0
end

local begin, closed, booked, wait = huge, {}, {}, 0
for i = 1, lanes do
  closed[i], booked[i] = reopens(own[i], now) > 0, 0
  if not closed[i] then
    local start = now
    for _, one in ipairs(common) do start = max(start, one.next) end
    if own[i] then start = max(start, own[i].next) end
    begin = min(begin, start)
  end
end
if begin < huge and begin - now > HORIZON then
  wait = min(HORIZON, begin - now - HORIZON / 2)
elseif begin < huge then
  local edge = begin + WINDOW
  for i = 1, lanes do
    if not closed[i] then
      local take = counts[i]
      for _, one in ipairs(common) do take = min(take, room(one, edge)) end
      if own[i] then take = min(take, room(own[i], edge)) end
      for _, one in ipairs(common) do one.taken = one.taken + take end
      if own[i] then own[i].taken = own[i].taken + take end
      booked[i] = take
    end
  end
end

for _, line in ipairs(lines) do
  if line.taken > 0 then
    local following, till, fields = line.next + line.taken * line.interval, line.till, {}
    wait = max(wait, line.next + (line.taken - 1) * line.interval - now)
    if line.interval > 0 then fields = {'next', following} end
    for _, quota in ipairs(line.left) do
      local names = QUOTAS[quota[3]]
      table.insert(fields, names[1])
      table.insert(fields, spans[quota[3]][1])
      table.insert(fields, names[2])
      table.insert(fields, quota[4] + line.taken)
      till = max(till, quota[2])
    end
    if #fields > 0 then
      redis.call('HSET', line.key, unpack(fields))
      keep(line.key, max(following, till), now)
    end
  end
end

local answer, ready = {now, math.ceil(wait)}, now + wait
for i = 1, lanes do
  local later = 0
  if booked[i] < counts[i] then later = max(0, reopens(own[i], ready) - ready) end
  answer[1 + 2 * i], answer[2 + 2 * i] = booked[i], math.ceil(later)
end
return answer
"""
)

_PUT_BACK = (
    _COMMON
    + """
local now, spans, place = clock(ARGV[1]), windows(tonumber(ARGV[2])), 3
for _, key in ipairs(KEYS) do
  local interval, count = tonumber(ARGV[place]), tonumber(ARGV[place + 1])
  local stored, factor, till, used = read(key)
  if stored and interval > 0 then
    redis.call('HSET', key, 'next', stored - count * slowed(interval, factor, till, now))
  end
  for i = 1, 3 do
    if used[i][1] == spans[i][1] then redis.call('HSET', key, QUOTAS[i][2], max(0, used[i][2] - count)) end
  end
  place = place + 2
end
"""
)

_SLOW_DOWN = (
    _COMMON
    + """
local now, factor, span = clock(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local _, held, till = read(KEYS[1])
if till > now then factor = min(factor, held) end
till = max(till, now + span)
local left = redis.call('PTTL', KEYS[1])
redis.call('HSET', KEYS[1], 'factor', factor, 'until', till)
keep(KEYS[1], max(till, now + left * 1000), now)
"""
)

_USED_TODAY = (
    _COMMON
    + """
local today = windows(clock(ARGV[1]))[2][1]
local _, _, _, used = read(KEYS[1])
return used[2][1] == today and used[2][2] or 0
"""
)


class RedisBuckets:
    """`since` is the key that tells whether Redis remembers us."""

    def __init__(self, redis: Redis, since: str) -> None:
        self._since = since
        self._book, self._put_back, self._slow_down = map(redis.register_script, (_BOOK, _PUT_BACK, _SLOW_DOWN))
        self._used_today = redis.register_script(_USED_TODAY)

    async def book(self, ask: Ask, at: float | None = None) -> Booking:
        keys, args = [self._since], [_moment(at), len(ask.common), len(ask.lanes)]
        for bucket, _ in totals(ask):
            keys.append(bucket.key)
            limit = bucket.limit
            args += [_interval(bucket), limit.burst, limit.per_hour, limit.per_day, limit.per_month]
        number = len(ask.common)
        for lane in ask.lanes:
            number += lane.bucket is not None
            args += [lane.count, number if lane.bucket else 0]
        answer: Sequence[int] = await self._book(keys, args)
        return Booking(answer[0], answer[1], tuple(answer[2::2]), tuple(answer[3::2]))

    async def put_back(self, ask: Ask, booked_at: float, at: float | None = None) -> None:
        keys, args = [], [_moment(at), booked_at]
        for bucket, count in totals(ask):
            keys.append(bucket.key)
            args += [_interval(bucket), count]
        await self._put_back(keys, args)

    async def slow_down(self, bucket: Bucket, factor: float, span: float, at: float | None = None) -> None:
        await self._slow_down([bucket.key], [_moment(at), factor, span])

    async def used_today(self, bucket: Bucket, at: float | None = None) -> int:
        return int(await self._used_today([bucket.key], [_moment(at)]))


def _interval(bucket: Bucket) -> float:
    return 1e6 / bucket.limit.rate if bucket.limit.rate else 0


def _moment(at: float | None) -> float | str:
    return "" if at is None else at
