-- click_rate: counts one click of a viewer, and answers how many there were within the minute.
--
-- KEYS[1]  clicks of the viewer since its window opened
-- ARGV[1]  how long a window is, ms: it opens with the first click
local clicks = redis.call('INCR', KEYS[1])
if clicks == 1 or redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return clicks
