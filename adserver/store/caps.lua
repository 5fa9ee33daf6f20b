-- caps: what stands in a viewer's counters. Changes nothing.
--
-- KEYS     the counters
--
-- Answers two numbers a counter: what has been served, and how many milliseconds its window still
-- lasts (-1: without an end, -2: there is none). As in reserve.lua, one that holds no number is full.

local FULL = 2 ^ 53
local answer = {}

local function count_of(key)
    local text = redis.pcall('GET', key)
    if not text then return 0 end
    if type(text) ~= 'string' or #text > 15 then return FULL end
    if text ~= '0' and not string.find(text, '^%-?[1-9]%d*$') then return FULL end
    return tonumber(text)
end

for _, key in ipairs(KEYS) do
    local count = count_of(key)
    answer[#answer + 1] = count > 0 and count or 0
    answer[#answer + 1] = redis.call('PTTL', key)
end
return answer
