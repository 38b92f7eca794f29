-- The same path again and again: BENCH_PATH.
local bench = dofile(os.getenv("BENCH_LOAD") .. "/bench.lua")
local text = bench.get(os.getenv("BENCH_PATH") or "/")

function request() return text end
function done(summary, latency) bench.report(summary, latency) end
