-- event: counts one reported event of one impression, once.
--
-- KEYS[1]  what has been seen of this impression: the sum of 1 impression, 2 viewable, 4 click
-- KEYS[2]  HASH of the hour's counts: field <creative>|<slot>|<metric>
-- KEYS[3]  HASH of the campaign's sums: field <metric>
-- ARGV[1]  which of the three this is
-- ARGV[2]  "<creative>|<slot>|"
-- ARGV[3]  how long KEYS[1] is kept from now on, ms
-- ARGV[4]  the word it is counted under when it does not count ("bot"); empty: it counts
-- ARGV[5]  1: sent again, because the connection broke before the answer to the first came
--
-- Answers 0 seen before, 1 counted, 2 counted and the missing impression with it, 3 kept apart. All
-- or nothing: where a field holds no number, what was added is taken back and the error answered.

local words = {[1] = 'impressions', [2] = 'viewables', [4] = 'clicks'}
local kind, place, filter = tonumber(ARGV[1]), ARGV[2], ARGV[4]

local function add(key, field, n)
    return redis.pcall('HINCRBY', key, field, n)
end

-- Adds one to each metric, in the hour and in the sum. Returns the error, if there was one.
local function count(metrics)
    local done = {}
    for _, metric in ipairs(metrics) do
        for key, field in pairs({[KEYS[2]] = place .. metric, [KEYS[3]] = metric}) do
            local answer = add(key, field, 1)
            if type(answer) == 'table' then
                for _, back in ipairs(done) do add(back[1], back[2], -1) end
                return answer
            end
            done[#done + 1] = {key, field}
        end
    end
end

if filter ~= '' then return count({filter}) or 3 end

local seen = tonumber(redis.call('GET', KEYS[1])) or 0
local function has(bit_of) return math.floor(seen / bit_of) % 2 == 1 end

if has(kind) then
    if ARGV[5] == '1' then return 1 end
    return count({'duplicate'}) or 0
end

local implied = kind ~= 1 and not has(1)
local failed = count(implied and {words[kind], words[1]} or {words[kind]})
if failed then return failed end
redis.call('SET', KEYS[1], seen + kind + (implied and 1 or 0), 'PX', ARGV[3])
return implied and 2 or 1
