-- fold: moves counts of one campaign's day from its hours into its packed month, all or nothing.
--
-- KEYS[1]  STRING, the month's sums; KEYS[2] to KEYS[5] its quarters
-- KEYS[6]  HASH of what has been compacted: field `folds`, by which readers notice that counts moved
-- KEYS[7]  and so on: the hours' HASHes
-- ARGV[1]  bytes of KEYS[1] as it was read
-- ARGV[2]  to ARGV[6]: what is to stand behind KEYS[1] to KEYS[5]
-- ARGV[7]  and so on: what moves out of the hour, <field>\n<number>\n one behind the other, numbers
--          below 2^53
--
-- Answers 1, or 0 where something is no longer as it was read: nothing was changed then. What an
-- hour was given since stays in it.

local call = redis.call
if call('STRLEN', KEYS[1]) ~= tonumber(ARGV[1]) then return 0 end

local hours = {}
for i = 7, #KEYS do
    local fields, numbers = {}, {}
    for field, number in string.gmatch(ARGV[i], '([^\n]+)\n([^\n]+)\n') do
        fields[#fields + 1], numbers[#numbers + 1] = field, number
    end
    local now = call('HMGET', KEYS[i], unpack(fields))
    for j = 1, #fields do
        local has = now[j] and tonumber(now[j])
        if not has or has < tonumber(numbers[j]) then return 0 end
    end
    hours[#hours + 1] = {key = KEYS[i], fields = fields, numbers = numbers, now = now}
end
-- What is something else would stop the script halfway, and so would a lack of memory: it shows here.
for i = 2, 5 do call('STRLEN', KEYS[i]) end
call('HINCRBY', KEYS[6], 'folds', 1)

-- Not APPEND, which keeps as much room again for more.
for i = 1, 5 do
    if ARGV[i + 1] ~= '' then call('SET', KEYS[i], (call('GET', KEYS[i]) or '') .. ARGV[i + 1]) end
end
for _, hour in ipairs(hours) do
    local gone = {}
    for j, field in ipairs(hour.fields) do
        if hour.now[j] == hour.numbers[j] then
            gone[#gone + 1] = field
        else
            call('HINCRBY', hour.key, field, '-' .. hour.numbers[j])
        end
    end
    if #gone > 0 then call('HDEL', hour.key, unpack(gone)) end
end
return 1
