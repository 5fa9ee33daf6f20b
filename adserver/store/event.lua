-- event: counts a batch of reported events of one campaign, each once.
--
-- KEYS[1]  the mark of the batches that one process sends for this campaign: the number of the last
--          one that was dealt with, a colon, what was answered to it, and of replayed ones to those
--          before it, a comma before each; nothing stands for an answer of ones only
-- KEYS[2]  HASH of the campaign's sums: field <metric>, and what was spent: `spend` in micro-units,
--          `spend_rest` in thousandths of one
-- KEYS[3]  HASH of the campaign's goals (lease.lua)
-- the others, of which the events say which:
--   counts of an hour, HASH: field <creative>|<slot>|<metric>
--   what has been seen of a block of impressions: the first bit says that it has an end, then four
--   bits an impression: impression, viewable, click seen, kept apart as over its goal
--   what is remembered of clicks of a block that conversions may follow, HASH by place in it: the
--   click's time in ms (0: none), `:` how many conversions followed, `:` 1: one without an order
--   the orders that have counted, ZSET by time in ms
-- ARGV[1]  number of this batch, [2] 0: it is sent alone; 1: others may be under way, so that their
--          answers are kept as well; 2: those before it that were not dealt with come no more
-- ARGV[3]  how long KEYS[1] is kept from now on, ms; [4] how long blocks are, ms
-- ARGV[5]  sum of 1: a click without impression does not count (else it counts its impression, too),
--          2: something has a price, 4: something has a bound, 8: what is counted goes to a stream
-- ARGV[6]  cpm, [7] cpc, in micro-units, and the bounds, 0 where there is none:
-- ARGV[8]  goal_impressions, [9] goal_clicks, [10] daily_impressions, [11] budget, [12] daily_budget
-- ARGV[13] reservations of windows that ended by then (ms) are given back
-- ARGV[14] 8 bytes an event:
--            kind: 1 impression, 2 viewable, 3 click, 4 conversion, 5 click that one may follow (1)
--            position in KEYS of the hour (1) and of the block (1), place in the block (2)
--            positions in ARGV of "<creative>|<slot>|" (1), of the word it is counted under when it
--            does not count, 0: it counts (1), and of the serve's window (1). Kinds 4 and 5 count;
--            in place of that word is what else is to be known, words between blanks: position in
--            KEYS of the clicks, its time (ms), how long they are kept (ms), and of a conversion
--            position of the orders, time of the serve, windows after click and serve (ms), value
--            in micro-units, its currency or `-`, and its order where it has one
-- the others, of which the events say which: these texts; a window is the end of its field in
--          KEYS[3], "<end, ms>:<day>"
-- With rule 8 the last of KEYS is the STREAM (store/event_entry.def), the last but one of ARGV how
--          many entries it keeps, about, and the last a line an event: its kind's word, impression,
--          time of the serve and of the event (ms), a blank behind each
--
-- Answers a digit an event: 0 seen before, 1 counted, 2 counted and the missing impression with it,
-- 3 kept apart under its word, 4 kept apart under `over_goal`, 5 likewise, but its missing
-- impression counted, 6 kept apart under `no_impression`, and of conversions under 7 `no_click`,
-- 8 `late`, 9 `excess`. Of a batch that had been dealt with before: `=` and what was answered then,
-- or nothing where those were ones, or where that is not known any more. `gap`: not dealt with, as
-- the one before it has not been. All or nothing: where a field holds no number, what was changed is
-- changed back and the error answered.

local call, byte, floor = redis.call, string.byte, math.floor
local total, goal = KEYS[2], KEYS[3]

-- ---- Whether it has been dealt with ----

local answers_kept, answers_bytes = 64, 512   -- so many at least; cut when they are longer
local number = tonumber(ARGV[1])
local mark, last, answered = call('GET', KEYS[1]), 0, ''
if mark then
    last, answered = string.match(mark, '^(%d+):([%d,]*)$')
    last = tonumber(last) or 0
end
if number <= last then
    if last - number >= answers_kept then return '=' end   -- though an answer may be left, it is not its own
    for _ = number, last - 1 do answered = string.match(answered, ',(.*)') or '' end
    return '=' .. string.match(answered, '^%d*')
end
if ARGV[2] ~= '2' and number > last + 1 then return 'gap' end

local kept = ''
if ARGV[2] ~= '0' and number == last + 1 and last > 0 then
    kept = ',' .. answered
    if #kept > answers_bytes then
        local at = 1
        for _ = 2, answers_kept do at = at and string.find(kept, ',', at + 1, true) end
        if at then kept = string.sub(kept, 1, at - 1) end
    end
end

-- The batch has been dealt with, and this is what is answered.
local function set_mark(answer)
    local own = string.find(answer, '[^1]') and answer or ''
    call('SET', KEYS[1], ARGV[1] .. ':' .. own .. kept, 'PX', ARGV[3])
end

local rules = tonumber(ARGV[5])
local strict, priced, bound = rules % 2 == 1, floor(rules / 2) % 2 == 1, floor(rules / 4) % 2 == 1
local stream = rules >= 8 and KEYS[#KEYS]

-- A batch of one impression that costs nothing is what most are where little happens. It takes a
-- short way: making the functions below costs as much as all that they do.
if #ARGV[14] == 8 and byte(ARGV[14]) == 1 and byte(ARGV[14], 7) == 0 and rules < 2 then
    local _, hours, block, high, low, names = byte(ARGV[14], 1, 6)
    local seen, at = KEYS[block], 4 * (high * 256 + low)
    local bits = redis.pcall('BITFIELD', seen, 'SET', 'u1', 0, 1, 'SET', 'u1', at, 1)
    if bits.err then return bits end
    if bits[1] == 0 then call('PEXPIRE', seen, ARGV[4]) end
    local metric, answer = 'impressions', '1'
    if bits[2] == 1 then metric, answer = 'duplicate', '0' end
    local failed = redis.pcall('HINCRBY', KEYS[hours], ARGV[names] .. metric, 1)
    if type(failed) == 'number' then
        failed = redis.pcall('HINCRBY', total, metric, 1)
        if type(failed) == 'number' then
            set_mark(answer)
            return answer
        end
        redis.pcall('HINCRBY', KEYS[hours], ARGV[names] .. metric, -1)
    end
    redis.pcall('BITFIELD', seen, 'SET', 'u1', at, bits[2])
    return failed
end

-- ---- What is added, and how all is changed back: commands, the last one first ----

local undo, sums, fields = {}, {}, {}

local function add(key, field, n)
    local of = sums[key]
    if not of then
        of = {}
        sums[key] = of
    end
    if of[field] then
        of[field] = of[field] + n
    else
        of[field] = n
        fields[#fields + 1] = key
        fields[#fields + 1] = field
    end
end

local function write()
    for i = 1, #fields, 2 do
        local key, field = fields[i], fields[i + 1]
        local n = sums[key][field]
        call('HINCRBY', key, field, n)
        undo[#undo + 1] = {'HINCRBY', key, field, -n}
    end
    sums, fields = {}, {}
end

local hour, place

-- ---- The stream: an entry for each count, so that both can never differ ----

local entries, said, next_said = {}, nil, stream and string.gmatch(ARGV[#ARGV], '(%S+) (%S+) (%S+) (%S+) ')
local counted = {impressions = 'impression', viewables = 'viewable', clicks = 'click', conversions = 'conversion'}

local function note(metric)
    if metric == 'conversions_viewed' then return end   -- which of the conversions, and none more
    local event = counted[metric]
    entries[#entries + 1] = {said = said, place = place, event = event or said[1],
        result = event and 'counted' or metric, price = 0,
        implied = event == 'impression' and said[1] ~= event and 1 or 0}
end

-- What was paid belongs to what was counted last.
local function note_price(micro) entries[#entries].price = entries[#entries].price + micro end

local function publish()
    for i = 1, #entries do
        local e = entries[i]
        local creative, slot = string.match(e.place, '^(.-)|(.*)|$')
        local id = call('XADD', stream, 'MAXLEN', '~', ARGV[#ARGV - 1], '*', 'event', e.event,
            'result', e.result, 'implied', e.implied, 'creative', creative, 'slot', slot,
            'impression', e.said[2], 'served_ms', e.said[3], 'at_ms', e.said[4], 'price_micro', e.price)
        undo[#undo + 1] = {'XDEL', stream, id}
    end
end

local function count(metric)
    add(hour, place .. metric, 1)
    add(total, metric, 1)
    if stream then note(metric) end
end

-- Sets bits of an impression and answers what they were.
local function set_bits(seen, kind, at, bits)
    local before = call('BITFIELD', seen, 'SET', 'u1', 0, 1, 'SET', kind, at, bits)
    undo[#undo + 1] = {'BITFIELD', seen, 'SET', kind, at, before[2]}
    if before[1] == 0 then call('PEXPIRE', seen, ARGV[4]) end
    return before[2]
end

-- ---- Money and bounds ----

local cpm, cpc = tonumber(ARGV[6]), tonumber(ARGV[7])
local window, day

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

-- Whether what is spent and the price of `n` impressions stay within ARGV[limit]. Where numbers are
-- too large to be exact they are larger than any bound.
local function affords(limit, spent, rest, n)
    if ARGV[limit] == '0' then return true end
    local micro, left = price_of(n, rest)
    return spent + micro + (left > 0 and 1 or 0) <= tonumber(ARGV[limit])
end

local function is_below(limit, n)
    return ARGV[limit] == '0' or n < tonumber(ARGV[limit])
end

-- Units that are reserved, in all and on the serve's day.
local function reserved()
    local all, today, entries = 0, 0, call('HGETALL', goal)
    for i = 1, #entries, 2 do
        local ends, of = string.match(entries[i], '^reserved:(%d+):(%d+)$')
        if ends and tonumber(ends) > tonumber(ARGV[13]) then
            local n = tonumber(entries[i + 1]) or 0
            all, today = all + n, today + (of == day and n or 0)
        end
    end
    return all, today
end

local function pay(micro, rest)
    if rest > 0 then
        write()
        local before = numbers(total, 'spend_rest')
        micro = micro + floor((before + rest) / 1000)
        add(total, 'spend_rest', (before + rest) % 1000 - before)
    end
    if micro > 0 then
        add(hour, place .. 'spend', micro)
        add(total, 'spend', micro)
        if stream then note_price(micro) end
    end
end

-- Counts one impression (n = 1), or one click of that price (n = 0), where there is room for it
-- beside all that is counted and reserved: this is where the bounds are in force. An impression
-- whose window holds a reservation uses it up. Answers whether there was room.
local function settle(metric, n, price)
    if not priced and not bound then
        count(metric)
        return true
    end
    local micro, rest = price_of(n, 0)
    if not bound then
        count(metric)
        pay(price + micro, rest)
        return true
    end
    write()
    local held_by, days = 'reserved:' .. window, 'impressions:' .. day
    local spends, rests = 'spend:' .. day, 'spend_rest:' .. day
    local held, day_sum, day_spent, day_rest = numbers(goal, held_by, days, spends, rests)
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
    call('HSET', goal, days, day_sum + n, spends, day_spent + price + micro, rests, rest)
    undo[#undo + 1] = {'HSET', goal, days, day_sum, spends, day_spent, rests, day_rest}
    if own then add(goal, held_by, -1) end
    return true
end

-- ---- One event ----

-- Answers, and the bits that are to be remembered.
local function judge(kind, bits)
    local function has(bit) return floor(bits / bit) % 2 == 1 end
    local own = kind == 1 and 8 or kind == 2 and 4 or 2
    if has(own) then
        count('duplicate')
        return 0, bits
    end
    if kind == 3 and strict and not has(8) then
        count('no_impression')
        return 6, bits
    end
    if has(1) then
        count('over_goal')
        return 4, bits + own
    end
    local implied = kind ~= 1 and not has(8)
    if (kind == 1 or implied) and not settle('impressions', 1, 0) then return 4, bits + own + 1 end
    local now = bits + own + (implied and 8 or 0)
    if kind == 2 then
        count('viewables')
    elseif kind == 3 and not settle('clicks', 0, cpc) then
        return implied and 5 or 4, now
    end
    return implied and 2 or 1, now
end

local function take(kind, seen, at)
    if kind == 1 and not bound then   -- what most events are
        if set_bits(seen, 'u1', at, 1) == 1 then
            count('duplicate')
            return 0
        end
        settle('impressions', 1, 0)
        return 1
    end
    local before = call('BITFIELD', seen, 'GET', 'u4', at)[1]
    local answer, after = judge(kind, before)
    if after ~= before then set_bits(seen, 'u4', at, after) end
    return answer
end

-- ---- Conversions (kind 4), and clicks that one may follow (5) ----

local function attribute(kind, more, seen, number)
    local conversions_max, values_max = 100, 9e18   -- of one click; the sum in one currency
    local part = {}
    for one in string.gmatch(more, '%S+') do part[#part + 1] = one end
    local clicks, now = KEYS[tonumber(part[1])], tonumber(part[2])
    local was = call('HGET', clicks, number)
    local clicked, n, plain = string.match(was or '0', '^(%d+):?(%d*):?(%d*)$')

    local function remember(what)
        call('HSET', clicks, number, what)
        undo[#undo + 1] = was and {'HSET', clicks, number, was} or {'HDEL', clicks, number}
        if not was and call('HLEN', clicks) == 1 then call('PEXPIRE', clicks, part[3]) end
    end

    if kind == 5 then
        local answer = take(3, seen, 4 * number)
        if answer == 1 or answer == 2 then
            remember(n == '' and part[2] or part[2] .. ':' .. n .. ':' .. plain)
        end
        return answer
    end

    local orders, order, metric = KEYS[tonumber(part[4])], part[10], 'value.' .. part[9]
    if (order and call('ZSCORE', orders, order)) or (not order and plain == '1') then
        count('duplicate')
        return 0
    end
    local since, window, viewed = tonumber(clicked), tonumber(part[6]), false
    if since == 0 then
        local bits = call('BITFIELD', seen, 'GET', 'u4', 4 * number)[1]
        since, window, viewed = tonumber(part[5]), tonumber(part[7]), true
        if window == 0 or bits % 2 == 1 or floor(bits / 4) % 2 == 0 then
            count('no_click')
            return 7
        end
    end
    if now - since > window then
        count('late')
        return 8
    end
    n = tonumber(n) or 0
    if n >= conversions_max or numbers(total, metric) + part[8] > values_max then
        count('excess')
        return 9
    end
    count('conversions')
    if viewed then count('conversions_viewed') end
    if part[8] ~= '0' then   -- each by itself: a sum of some may be more than Lua's numbers hold
        for key, field in pairs({[hour] = place .. metric, [total] = metric}) do
            call('HINCRBY', key, field, part[8])
            undo[#undo + 1] = {'HINCRBY', key, field, '-' .. part[8]}
        end
    end
    if order then
        call('ZREMRANGEBYSCORE', orders, '-inf', now - part[3])
        call('ZADD', orders, part[2], order)
        call('PEXPIRE', orders, part[3])
        undo[#undo + 1] = {'ZREM', orders, order}
    end
    remember(clicked .. ':' .. (n + 1) .. ':' .. ((not order or plain == '1') and 1 or 0))
    return 1
end

local function deal()
    local events, answers = ARGV[14], {}
    for i = 1, #events, 8 do
        local kind, hours, seen, high, low, names, word, windows = byte(events, i, i + 7)
        hour, place = KEYS[hours], ARGV[names]
        if stream then said = {next_said()} end
        if bound then window, day = ARGV[windows], string.match(ARGV[windows], ':(%d+)$') end
        if kind > 3 then
            answers[#answers + 1] = attribute(kind, ARGV[word], KEYS[seen], high * 256 + low)
        elseif word > 0 then
            count(ARGV[word])
            answers[#answers + 1] = 3
        else
            answers[#answers + 1] = take(kind, KEYS[seen], 4 * (high * 256 + low))
        end
    end
    write()
    publish()
    local answer = table.concat(answers)
    set_mark(answer)
    return answer
end

local fine, answer = pcall(deal)
if fine then return answer end
for i = #undo, 1, -1 do redis.pcall(unpack(undo[i])) end
return type(answer) == 'table' and answer or redis.error_reply(answer)
