-- event: counts one reported event of one impression, once.
--
-- KEYS[1]  what has been seen of this impression: the sum of 1 impression, 2 viewable, 4 click, and
--          8 where the impression, 16 where the click was kept apart as over its goal
-- KEYS[2]  HASH of the hour's counts: field <creative>|<slot>|<metric>
-- KEYS[3]  HASH of the campaign's sums: field <metric>, and what was spent: `spend` in micro-units,
--          `spend_rest` in thousandths of one
-- KEYS[4]  HASH of the campaign's goals (lease.lua); given where the campaign has bounds
-- ARGV[1]  which of the three this is
-- ARGV[2]  "<creative>|<slot>|"
-- ARGV[3]  how long KEYS[1] is kept from now on, ms
-- ARGV[4]  the word it is counted under when it does not count ("bot"); empty: it counts
-- ARGV[5]  1: sent again, because the connection broke before the answer to the first came
-- where it costs something or has bounds:
-- ARGV[6]  cpm, [7] cpc, in micro-units
-- where it has bounds, 0 for one it does not have:
-- ARGV[8]  goal_impressions, [9] goal_clicks, [10] daily_impressions, [11] budget, [12] daily_budget
-- ARGV[13] window of the serve, the end of its field: "<end, ms>:<day>"; [14] its day alone
-- ARGV[15] reservations of windows that ended by then (ms) are given back
--
-- Answers 0 seen before, 1 counted, 2 counted and the missing impression with it, 3 kept apart under
-- ARGV[4], 4 kept apart under `over_goal`, 5 likewise, but its missing impression counted. All or
-- nothing: where a field holds no number, what was added is taken back and the error answered.

local call, floor = redis.call, math.floor
local seen_key, hour, total, goal = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local place, filter = ARGV[2], ARGV[4]

-- Most events are the first impression of a campaign without price and bounds: they take the short
-- way, since making the functions below costs as much as all that they do.
if ARGV[1] == '1' and filter == '' and not ARGV[6] then
    local marked = redis.pcall('SET', seen_key, '1', 'PX', ARGV[3], 'NX')
    if marked and marked.err then return marked end
    if marked then
        local failed = redis.pcall('HINCRBY', hour, place .. 'impressions', 1)
        if type(failed) == 'number' then
            failed = redis.pcall('HINCRBY', total, 'impressions', 1)
            if type(failed) == 'number' then return 1 end
            redis.pcall('HINCRBY', hour, place .. 'impressions', -1)
        end
        redis.pcall('DEL', seen_key)
        return failed
    end
end

-- What has been added, to be taken back: key, field and number, one behind the other.
local kind, done, added = tonumber(ARGV[1]), {}, 0

local function add(key, field, n)
    call('HINCRBY', key, field, n)
    done[added + 1], done[added + 2], done[added + 3] = key, field, n
    added = added + 3
end

local function count(metric)
    add(hour, place .. metric, 1)
    add(total, metric, 1)
end

-- ---- Money and bounds ----

local cpm, cpc, day

-- Fields of a HASH as numbers; what is none is more than any bound.
local function numbers(key, ...)
    local values = call('HMGET', key, ...)
    for i = 1, #values do values[i] = values[i] and (tonumber(values[i]) or 2 ^ 53) or 0 end
    return unpack(values)
end

-- What `n` impressions cost in micro-units, and in thousandths of one, with `rest` of these before.
local function price_of(n, rest)
    rest = rest + n * (cpm % 1000)
    return n * floor(cpm / 1000) + floor(rest / 1000), rest % 1000
end

-- Whether what is spent and the price of `n` impressions stay within ARGV[bound]. Where numbers are
-- too large to be exact they are larger than any bound.
local function affords(bound, spent, rest, n)
    if ARGV[bound] == '0' then return true end
    local micro, left = price_of(n, rest)
    return spent + micro + (left > 0 and 1 or 0) <= tonumber(ARGV[bound])
end

local function is_below(bound, n)
    return ARGV[bound] == '0' or n < tonumber(ARGV[bound])
end

-- Units that are reserved, in all and on the serve's day.
local function reserved()
    local all, today, entries = 0, 0, call('HGETALL', goal)
    for i = 1, #entries, 2 do
        local ends, of = string.match(entries[i], '^reserved:(%d+):(%d+)$')
        if ends and tonumber(ends) > tonumber(ARGV[15]) then
            local n = tonumber(entries[i + 1]) or 0
            all, today = all + n, today + (of == day and n or 0)
        end
    end
    return all, today
end

local function pay(micro, rest)
    if rest > 0 then
        local before = numbers(total, 'spend_rest')
        micro = micro + floor((before + rest) / 1000)
        add(total, 'spend_rest', (before + rest) % 1000 - before)
    end
    if micro > 0 then add(total, 'spend', micro) end
end

-- Counts one impression (n = 1), or one click of that price (n = 0), where there is room for it
-- beside all that is counted and reserved: this is where the bounds are in force. An impression
-- whose window holds a reservation uses it up. Answers whether there was room.
local function settle(metric, n, price)
    local micro, rest = price_of(n, 0)
    if not goal then
        count(metric)
        pay(price + micro, rest)
        return true
    end
    local window, days = 'reserved:' .. ARGV[13], 'impressions:' .. day
    local held, day_sum, day_spent, day_rest =
        numbers(goal, window, days, 'spend:' .. day, 'spend_rest:' .. day)
    local sum, clicks, spent, spent_rest = numbers(total, 'impressions', 'clicks', 'spend', 'spend_rest')
    local own, all, today = n == 1 and held >= 1, 0, 0
    if not own then all, today = reserved() end
    if (n == 1 and not (is_below(8, sum + all) and is_below(10, day_sum + today))) or
        (n == 0 and not is_below(9, clicks)) or
        not affords(11, spent + price, spent_rest, all + n) or
        not affords(12, day_spent + price, day_rest, today + n) then
        count('over_goal')
        return false
    end
    count(metric)
    pay(price + micro, rest)
    micro, rest = price_of(n, day_rest)
    call('HSET', goal, days, day_sum + n, 'spend:' .. day, day_spent + price + micro,
        'spend_rest:' .. day, rest)
    if own then call('HINCRBY', goal, window, -1) end
    return true
end

-- ---- The event ----

-- Answers, and what is to be remembered of the impression.
local function judge(seen)
    local function has(bit_of) return floor(seen / bit_of) % 2 == 1 end
    local apart = has(8) or (kind == 4 and has(16))
    if has(kind) then
        if ARGV[5] == '1' then return apart and 4 or 1 end
        count('duplicate')
        return 0
    end
    seen = seen + kind
    if apart then
        count('over_goal')
        return 4, seen
    end
    local implied = kind ~= 1 and not has(1)
    if implied and not settle('impressions', 1, 0) then return 4, seen + 8 end
    if implied then seen = seen + 1 end
    if kind == 1 then
        if not settle('impressions', 1, 0) then return 4, seen + 8 end
    elseif kind == 2 then
        count('viewables')
    elseif not settle('clicks', 0, cpc) then
        return implied and 5 or 4, seen + 16
    end
    return implied and 2 or 1, seen
end

local function event()
    if filter ~= '' then
        count(filter)
        return 3
    end
    cpm, cpc, day = tonumber(ARGV[6] or 0), tonumber(ARGV[7] or 0), ARGV[14]
    local answer, seen = judge(tonumber(call('GET', seen_key)) or 0)
    if seen then call('SET', seen_key, seen, 'PX', ARGV[3]) end
    return answer
end

local fine, answer = pcall(event)
if fine then return answer end
for i = 1, added, 3 do redis.pcall('HINCRBY', done[i], done[i + 1], -done[i + 2]) end
return type(answer) == 'table' and answer or redis.error_reply(answer)
