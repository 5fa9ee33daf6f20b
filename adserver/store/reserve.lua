-- reserve: decides one page's slots under a viewer's frequency caps, and counts what is taken.
--
-- KEYS     the viewer's counters that the page's candidates depend on, each once
-- ARGV[1]  11 bytes a key: greatest count (4), 1 for a lifetime cap (1), period in ms (6)
-- ARGV[2]  slot by slot: number of candidates (1), then of each
--            number of its creative (2), number of its campaign (2),
--            1 where the campaign may be on a page more than once, 2 where it follows itself only (1),
--            number of labels (1) and the labels' numbers (1 each),
--            number of its caps (1; 255: always refused), and of each the position in KEYS (2) and
--            how much is taken of it (1): more than 1 where a roadblock takes all slots at once
--
-- All numbers are big-endian. Slot by slot the first candidate is taken whose counters all have room
-- and that goes with what is on the page: no creative twice, no campaign twice unless it may, no two
-- campaigns with a label in common, what follows only behind its campaign. Answers, a number a slot,
-- which candidates were refused by a cap: bit i for candidate i, up to the one that was taken.
--
-- A counter opens its window when it is first counted. One that holds no number is full. One without
-- an end, or with an end later than its period allows, gets its period when it refuses, so that
-- nothing a hand has put there refuses for ever.

local meta, page = ARGV[1], ARGV[2]
local byte, call, unpack = string.byte, redis.call, struct.unpack
local counts, creatives, campaigns, owners, answer = {}, {}, {}, {}, {}
local FULL, REFUSED = 2 ^ 53, 255

local function count_of(key)
    local text = redis.pcall('GET', KEYS[key])
    if not text then return 0 end
    if type(text) ~= 'string' or #text > 15 then return FULL end
    if text ~= '0' and not string.find(text, '^%-?[1-9]%d*$') then return FULL end
    return tonumber(text)
end

local function has_room(key, amount)
    local at = key * 11 - 10
    local count = counts[key] or count_of(key)
    counts[key] = count
    if count + amount <= unpack('>I4', meta, at) then return true end
    local period = unpack('>I6', meta, at + 5)
    local left = call('PTTL', KEYS[key])
    if left < 0 or left > period then call('PEXPIRE', KEYS[key], period) end
    return false
end

local function take(key, amount)
    local _, lifetime, period = unpack('>I4BI6', meta, key * 11 - 10)
    counts[key] = amount == 1 and call('INCR', KEYS[key]) or call('INCRBY', KEYS[key], amount)
    if counts[key] == amount or lifetime == 1 then
        call('PEXPIRE', KEYS[key], period)
    end
end

local function each_cap(from, to, fn)
    for i = from, to, 3 do
        local high, low, amount = byte(page, i, i + 2)
        if fn(high * 256 + low, amount) == false then return false end
    end
    return true
end

-- Whether another campaign on the page has one of the labels.
local function is_excluded(campaign, from, to)
    for i = from, to do
        local owner = owners[byte(page, i)]
        if owner and owner ~= campaign then return true end
    end
    return false
end

local at = 1
while at <= #page do
    local refused, taken = 0, false
    local candidates = byte(page, at)
    at = at + 1
    for i = 0, candidates - 1 do
        local high, low, upper, lower, rule, labels = byte(page, at, at + 5)
        local creative, campaign = high * 256 + low, upper * 256 + lower
        local named = at + 6
        local caps = byte(page, named + labels)
        local first = named + labels + 1
        local last = caps == REFUSED and first - 1 or first - 1 + 3 * caps
        local there = campaigns[campaign]
        if not taken and not creatives[creative] and (rule > 0 or not there) and
           (rule ~= 2 or there) and not is_excluded(campaign, named, named + labels - 1) then
            if caps == REFUSED or not each_cap(first, last, has_room) then
                refused = refused + 2 ^ i
            else
                each_cap(first, last, take)
                taken, creatives[creative], campaigns[campaign] = true, true, true
                for label = named, named + labels - 1 do owners[byte(page, label)] = campaign end
            end
        end
        at = last + 1
    end
    answer[#answer + 1] = refused
end
return answer
