-- reserve: decides one page's slots under a viewer's frequency caps, and counts what is taken.
--
-- KEYS     the viewer's counters that the page's candidates depend on, each once
-- ARGV[1]  11 bytes a key: greatest count (4), 1 for a lifetime cap (1), period in ms (6)
-- ARGV[2]  slot by slot: number of candidates (1), then of each: number of its creative (2),
--          number of its caps (1; 255: always refused), and their positions in KEYS (2 each)
--
-- All numbers are big-endian. Slot by slot the first candidate is taken whose counters all have room
-- and whose creative is not on the page yet. Answers, a number a slot, which candidates were refused
-- by a cap: bit i for candidate i, up to the one that was taken.
--
-- A counter opens its window when it comes to 1. One that holds no number is full. One without an
-- end, or with an end later than its period allows, gets its period when it refuses, so that nothing
-- a hand has put there refuses for ever.

local meta, page = ARGV[1], ARGV[2]
local byte, call, unpack = string.byte, redis.call, struct.unpack
local counts, on_page, answer = {}, {}, {}
local FULL, REFUSED = 2 ^ 53, 255

local function count_of(key)
    local text = redis.pcall('GET', KEYS[key])
    if not text then return 0 end
    if type(text) ~= 'string' or #text > 15 then return FULL end
    if text ~= '0' and not string.find(text, '^%-?[1-9]%d*$') then return FULL end
    return tonumber(text)
end

local function has_room(key)
    local at = key * 11 - 10
    local count = counts[key] or count_of(key)
    counts[key] = count
    if count < unpack('>I4', meta, at) then return true end
    local period = unpack('>I6', meta, at + 5)
    local left = call('PTTL', KEYS[key])
    if left < 0 or left > period then call('PEXPIRE', KEYS[key], period) end
    return false
end

local function take(key)
    local _, lifetime, period = unpack('>I4BI6', meta, key * 11 - 10)
    counts[key] = call('INCR', KEYS[key])
    if counts[key] == 1 or lifetime == 1 then
        call('PEXPIRE', KEYS[key], period)
    end
end

local function each_cap(from, to, fn)
    for i = from, to, 2 do
        local high, low = byte(page, i, i + 1)
        if fn(high * 256 + low) == false then return false end
    end
    return true
end

local at = 1
while at <= #page do
    local refused, taken = 0, false
    local candidates = byte(page, at)
    at = at + 1
    for i = 0, candidates - 1 do
        local high, low, caps = byte(page, at, at + 2)
        local creative = high * 256 + low
        local last = caps == REFUSED and at + 2 or at + 2 + 2 * caps
        if not taken and not on_page[creative] then
            if caps == REFUSED or not each_cap(at + 3, last, has_room) then
                refused = refused + 2 ^ i
            else
                each_cap(at + 3, last, take)
                taken, on_page[creative] = true, true
            end
        end
        at = last + 1
    end
    answer[#answer + 1] = refused
end
return answer
