-- click_share: counts one click of an address in a slot, and of its viewer within the minute, and
-- answers what is known of both.
--
-- KEYS[1]  HASH of the address since its window opened: <slot> impressions that counted,
--          <slot>|c impressions clicked, or `over`: more than may be; <slot>|l the one clicked last
-- KEYS[2]  clicks of the viewer (click_rate.lua); absent: they are not counted
-- ARGV[1]  slot, [2] impression that is clicked
-- ARGV[3]  percent of the impressions that may be clicked, [4] clicks before which that is not asked
-- ARGV[5]  how long a window is, ms; [6] fields that KEYS[1] may have: slots beyond are not judged
-- ARGV[7]  how long the viewer's window is, ms
--
-- An impression that is clicked again, and no other one meanwhile, is one. Answers the viewer's
-- clicks within the minute, 0 where they are not counted, and 1 where this click is beyond the share.
local call = redis.call
local shares, slot, impression = KEYS[1], ARGV[1], ARGV[2]
local percent, from = tonumber(ARGV[3]), tonumber(ARGV[4])
local clicked, latest = slot .. '|c', slot .. '|l'

local function is_beyond()
    local seen, clicks, last = unpack(call('HMGET', shares, slot, clicked, latest))
    if clicks == 'over' then return 1 end
    if not seen and not clicks and call('HLEN', shares) >= tonumber(ARGV[6]) then return 0 end
    clicks = tonumber(clicks or 0) + (last == impression and 0 or 1)
    local beyond = clicks >= from and clicks * 100 > percent * tonumber(seen or 0)
    if beyond then
        call('HSET', shares, clicked, 'over')
        call('HDEL', shares, latest)
    else
        call('HSET', shares, clicked, clicks, latest, impression)
    end
    if call('PTTL', shares) < 0 then call('PEXPIRE', shares, ARGV[5]) end
    return beyond and 1 or 0
end

local rate = 0
if KEYS[2] then
    rate = call('INCR', KEYS[2])
    if rate == 1 or call('PTTL', KEYS[2]) < 0 then call('PEXPIRE', KEYS[2], ARGV[7]) end
end
return {rate, is_beyond()}
