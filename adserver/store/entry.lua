-- entry: writes or deletes one entry of the catalog, if it still is what its writer has seen.
--
-- For a cluster, where no transaction holds several keys together (adserver/ctl/change_scattered.c).
--
-- KEYS[1]  the entry's hash
-- ARGV[1]  the type its key had ("hash", "none"); [2] how many fields; then these, name and value
-- then     how many fields are set, and these, name and value; how many are removed, and their names;
--          or -1: the key is deleted
--
-- Answers 1 written, 0 it is something else by now.

local call, key, at = redis.call, KEYS[1], 3

if call('TYPE', key).ok ~= ARGV[1] then return 0 end
if ARGV[1] == 'hash' then
    local count, now = tonumber(ARGV[2]), call('HGETALL', key)
    if #now ~= 2 * count then return 0 end
    local value_of = {}
    for i = 1, #now, 2 do value_of[now[i]] = now[i + 1] end
    for _ = 1, count do
        if value_of[ARGV[at]] ~= ARGV[at + 1] then return 0 end
        at = at + 2
    end
end

local count = tonumber(ARGV[at])
at = at + 1
if count < 0 then
    call('DEL', key)
    return 1
end
-- In this order, so that the hash is never empty.
for _ = 1, count do
    call('HSET', key, ARGV[at], ARGV[at + 1])
    at = at + 2
end
for i = at + 1, at + tonumber(ARGV[at]) do call('HDEL', key, ARGV[i]) end
return 1
