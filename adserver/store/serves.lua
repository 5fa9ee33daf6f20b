-- serves: adds one batch of a worker's serves of one campaign, once however often it is sent.
--
-- KEYS[1]  number of the last batch of this worker that was added
-- KEYS[2]  HASH of the hour's counts: field <creative>|<slot>|<metric>
-- KEYS[3]  HASH of the campaign's sums: field <metric>
-- ARGV[1]  number of this batch; later ones have greater numbers
-- ARGV[2]  how long KEYS[1] is kept from now on, ms
-- ARGV[3]  field, ARGV[4] how many, and so on
--
-- Answers how many fields could not be added to because they hold no number, -1 when the batch had
-- been added before.

local function cannot_count(failed)
    return string.find(failed.err, 'WRONGTYPE') or string.find(failed.err, 'not an integer') or
           string.find(failed.err, 'overflow')
end

if (tonumber(redis.call('GET', KEYS[1])) or 0) >= tonumber(ARGV[1]) then return -1 end

-- Sums of the metrics, in the order of their first fields.
local totals, metrics, skipped = {}, {}, 0
local steps = {}
for i = 3, #ARGV, 2 do
    local metric = string.match(ARGV[i], '[^|]*$')
    steps[#steps + 1] = {KEYS[2], ARGV[i], ARGV[i + 1]}
    if not totals[metric] then metrics[#metrics + 1] = metric end
    totals[metric] = (totals[metric] or 0) + tonumber(ARGV[i + 1])
end
for _, metric in ipairs(metrics) do steps[#steps + 1] = {KEYS[3], metric, totals[metric]} end

-- Conditions such as OOM hold for the whole script: they show at the first step, with nothing added.
for _, step in ipairs(steps) do
    local answer = redis.pcall('HINCRBY', step[1], step[2], step[3])
    if type(answer) == 'table' then
        if not cannot_count(answer) then return answer end
        skipped = skipped + 1
    end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return skipped
