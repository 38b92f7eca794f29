-- What every load script needs: header fields and ids from the harness, and the line that it reads.
-- BENCH_HEADERS: header fields, each ended by CR LF. BENCH_IDS: a file of ids, one a line, 36 characters
-- each; BENCH_FROM, BENCH_COUNT: the part of it to use.
local bench = {}

local headers = "Host: 127.0.0.1\r\n" .. (os.getenv("BENCH_HEADERS") or "")

function bench.get(path)
  return "GET " .. path .. " HTTP/1.1\r\n" .. headers .. "\r\n"
end

function bench.send(method, path, body)
  return method .. " " .. path .. " HTTP/1.1\r\n" .. headers ..
    "Content-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

-- The ids stay in one string: over a table of a million LuaJIT's collector would stop wrk for tens of
-- milliseconds.
function bench.read_ids()
  local file = assert(io.open(os.getenv("BENCH_IDS")))
  local text = file:read("*a")
  file:close()
  local line = 37
  local from = tonumber(os.getenv("BENCH_FROM") or 0)
  local ids = { count = tonumber(os.getenv("BENCH_COUNT")) or math.floor(#text / line) - from }
  function ids.at(i)  -- from 0
    local begin = (from + i) * line
    return text:sub(begin + 1, begin + 36)
  end
  function ids.any() return ids.at(math.random(ids.count) - 1) end
  math.randomseed(os.time())
  return ids
end

local ffi = require("ffi")
ffi.cdef("typedef struct { long s, ns; } bench_time; int clock_gettime(int clock, bench_time *to);")
local time = ffi.new("bench_time")
function bench.now_s()
  ffi.C.clock_gettime(1, time)  -- CLOCK_MONOTONIC
  return tonumber(time.s) + tonumber(time.ns) / 1e9
end

-- `requests`: how many of those that wrk counted were the load; all unless given. `seconds`: how long it
-- took, where wrk waited longer: it counts until its time is over, though there is nothing left to ask for.
function bench.report(summary, latency, requests, seconds)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"rps":%.1f,"p50_ms":%.3f,"p95_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f,"requests":%d,"errors":%d}\n',
    (requests or summary.requests) / (seconds or summary.duration / 1e6), latency:percentile(50) / 1e3,
    latency:percentile(95) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3, requests or summary.requests,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end

return bench
