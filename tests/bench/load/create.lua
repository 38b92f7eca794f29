-- New sessions, each at a place of its own. BENCH_SEED must be another one in every run.
local bench = dofile(os.getenv("BENCH_LOAD") .. "/bench.lua")
local seed = os.getenv("BENCH_SEED") or "0"
local made = 0

function request()
  made = made + 1
  return bench.send("POST", "/api/sessions", string.format(
    '{"project_id":"made-%s-%d","machine_id":"made-%s-%d","docker_slot":%d,' ..
    '"metadata":{"vscode":"1.95.0","extension":"0.9.1","host":"dev-laptop"}}',
    seed, made % 20, seed, math.floor(made / 100), made % 100))
end
function done(summary, latency) bench.report(summary, latency) end
