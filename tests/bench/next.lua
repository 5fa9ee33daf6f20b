-- wrk: every request is the next line of a file, each used once; over its end it starts again.
-- arguments: FILE [METHOD]
local paths, at = {}, 0
local method = "GET"

function init(args)
    for line in io.lines(args[1]) do
        paths[#paths + 1] = line
    end
    method = args[2] or method
    wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"
end

function request()
    at = at % #paths + 1
    return wrk.format(method, paths[at])
end
