-- Random sessions, read one by one.
local bench = dofile(os.getenv("BENCH_LOAD") .. "/bench.lua")
local ids

function init() ids = bench.read_ids() end
function request() return bench.get("/api/sessions/" .. ids.any()) end
function done(summary, latency) bench.report(summary, latency) end
