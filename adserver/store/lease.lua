-- lease: reserves serves of a campaign that has bounds, for one server process and one window of time.
--
-- KEYS[1]  HASH of the campaign's goals:
--            reserved:<end>:<day>    serves reserved for the window that ends at <end> (ms since
--                                    1970) on <day>, neither counted nor given back yet
--            impressions:<day>, spend:<day>, spend_rest:<day>    what was counted of a day's serves
--          a day being a date in the campaign's time zone: 20260329
-- KEYS[2]  HASH of the campaign's sums (event.lua)
-- ARGV[1]  now, ms since 1970; [2] how long after its window's end a reservation is held, ms
-- ARGV[3]  window to give serves back to, "<end>:<day>", or empty; [4] how many
-- ARGV[5]  window to reserve serves for, "<end>:<day>", or empty; [6] its day alone
-- ARGV[7]  serves wanted; [8] those among them that a page waits for
-- ARGV[9]  cpm, [10] cpc, in micro-units
-- ARGV[11] goal_impressions, [12] goal_clicks, [13] daily_impressions, [14] budget,
--          [15] daily_budget; 0: none
-- ARGV[16] to [20] how far each of these may have come by now, by the campaign's pacing; 0: no bound
-- ARGV[21] what was counted on days before this one is forgotten
--
-- What is counted and what is reserved never exceed a bound together. Answers how many serves are
-- reserved, and where that is none, why: 1 a goal is met, 2 a budget is spent, 3 ahead of the plan;
-- and then 1 where that stays so, as nothing is reserved that could be given back.
--
-- Where none are wanted it only looks and writes nothing. Then it answers, behind these three (0 for
-- why: some would be reserved), what is counted: impressions, clicks, the day's impressions, what is
-- spent, and on the day; and what is reserved: in all, and on the day.

local call, floor = redis.call, math.floor
local goal, total, day = KEYS[1], KEYS[2], ARGV[6]
local now, hold = tonumber(ARGV[1]), tonumber(ARGV[2])

-- One that waits is served; beyond that no process gets more than such a part of what is left, so
-- that none strands with one what others could serve. What the plan holds back is there for all soon.
local SHARE, SHARE_OF_PLAN = 32, 4
local AHEAD = 300000   -- ms that clocks may differ by: a window further off is a mishap's

-- ---- What there is ----

local all, today, sums, stale = 0, 0, {}, {}
local entries = call('HGETALL', goal)
for i = 1, #entries, 2 do
    local field, n = entries[i], tonumber(entries[i + 1]) or 0
    local ends, of = string.match(field, '^reserved:(%d+):(%d+)$')
    local counted = string.match(field, '^[%a_]+:(%d+)$')
    if ends then
        ends = tonumber(ends)
        if ends + hold <= now or ends > now + hold + AHEAD then
            stale[#stale + 1] = field
        else
            if field == 'reserved:' .. ARGV[3] then
                local back = math.min(n, tonumber(ARGV[4]))
                n = n - back
                call('HINCRBY', goal, field, -back)
            end
            all, today = all + n, today + (of == day and n or 0)
        end
    elseif counted and tonumber(counted) < tonumber(ARGV[21]) then
        stale[#stale + 1] = field
    else
        sums[field] = n
    end
end
local looks = ARGV[5] ~= '' and tonumber(ARGV[7]) == 0
for i = 1, looks and 0 or #stale, 100 do call('HDEL', goal, unpack(stale, i, math.min(i + 99, #stale))) end
if ARGV[5] == '' then return {0, 0, 0} end

local function of_total(field)
    local value = call('HGET', total, field)
    return value and (tonumber(value) or 2 ^ 53) or 0
end
local impressions, clicks = of_total('impressions'), of_total('clicks')
local spent, rest = of_total('spend'), of_total('spend_rest')
local day_impressions = sums['impressions:' .. day] or 0
local day_spent, day_rest = sums['spend:' .. day] or 0, sums['spend_rest:' .. day] or 0

local function answer(granted, why, lasts)
    if not looks then return {granted, why, lasts} end
    return {granted, why, lasts, impressions, clicks, day_impressions, spent, day_spent, all, today}
end

-- ---- What there is room for ----

local wanted, needed = tonumber(ARGV[7]), tonumber(ARGV[8])
local cpm, cpc = tonumber(ARGV[9]), tonumber(ARGV[10])

-- Impressions whose price, after `spent` and that of `taken` others, stays within `limit`; at most
-- `most`. Where numbers are too large to be exact they are larger than any limit.
local function affordable(limit, spent, rest, taken, most)
    if cpm == 0 then return spent <= limit and most or 0 end
    local function fits(n)
        local part = rest + (taken + n) * (cpm % 1000)
        return spent + (taken + n) * floor(cpm / 1000) + math.ceil(part / 1000) <= limit
    end
    if fits(most) then return most end
    local n = floor(((limit - spent) * 1000 - rest) / cpm) - taken
    n = math.max(0, math.min(n, most))
    while n > 0 and not fits(n) do n = n - 1 end
    while n < most and fits(n + 1) do n = n + 1 end
    return n
end

local MOST = 2 ^ 31
local function least(room, bound, n)
    return bound == 0 and room or math.min(room, bound - n)
end

-- Room under the five bounds from ARGV[first] on, beside `all` and `today`: under the goals, and
-- under the budgets. `click` is what has to be left for a click to be paid.
local function rooms(first, all, today, click)
    local function bound(i) return tonumber(ARGV[first + i]) end
    local units = least(least(MOST, bound(0), impressions + all), bound(2), day_impressions + today)
    if bound(1) ~= 0 and clicks >= bound(1) then units = 0 end
    local money = MOST
    if bound(3) ~= 0 then
        money = affordable(bound(3) - click, spent, rest, all, MOST)
    end
    if bound(4) ~= 0 then
        money = math.min(money, affordable(bound(4) - click, day_spent, day_rest, today, MOST))
    end
    return units, money
end

local units, money = rooms(11, all, today, cpc)
if units < 1 or money < 1 then
    local lasting_units, lasting_money = rooms(11, 0, 0, cpc)
    local lasts = lasting_units < 1 or lasting_money < 1
    return answer(0, units < 1 and 1 or 2, lasts and 1 or 0)
end
local plan_units, plan_money = rooms(16, all, today, cpm == 0 and 1 or 0)
local room, plan = math.min(units, money), math.min(plan_units, plan_money)
if plan < 1 then return answer(0, 3, 0) end
if looks then return answer(0, 0, 0) end

local share = math.min(floor(room / SHARE), floor(plan / SHARE_OF_PLAN))
local granted = math.min(wanted, room, plan, math.max(needed, share))
call('HINCRBY', goal, 'reserved:' .. ARGV[5], granted)
return {granted, 0, 0}
