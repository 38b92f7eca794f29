-- Heartbeats of random sessions.
local bench = dofile(os.getenv("BENCH_LOAD") .. "/bench.lua")
local ids

function init() ids = bench.read_ids() end
function request() return bench.send("POST", "/api/sessions/" .. ids.any() .. "/heartbeat", "{}") end
function done(summary, latency) bench.report(summary, latency) end
