-- The newest fifty sessions of random projects, BENCH_PROJECTS of them.
local bench = dofile(os.getenv("BENCH_LOAD") .. "/bench.lua")
local projects = tonumber(os.getenv("BENCH_PROJECTS") or 1)

function init() math.randomseed(os.time()) end
function request()
  return bench.get("/api/sessions?limit=50&project_id=live-project-" .. math.random(projects) - 1)
end
function done(summary, latency) bench.report(summary, latency) end
