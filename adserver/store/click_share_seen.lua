-- click_share_seen: one impression more that an address has had in a slot (click_share.lua).
--
-- KEYS[1]  HASH of the address since its window opened
-- ARGV[1]  slot
-- ARGV[2]  how long a window is, ms: it opens with the first impression or click
-- ARGV[3]  fields that KEYS[1] may have: slots beyond are not counted
local call = redis.call
local shares, slot = KEYS[1], ARGV[1]
if call('HLEN', shares) >= tonumber(ARGV[3]) and call('HEXISTS', shares, slot) == 0 then return 0 end
call('HINCRBY', shares, slot, 1)
if call('PTTL', shares) < 0 then call('PEXPIRE', shares, ARGV[2]) end
return 1
