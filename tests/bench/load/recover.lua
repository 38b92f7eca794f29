-- Recoveries, one of each session; ends when all are recovered. BENCH_SEED must be another one in every run.
local bench = dofile(os.getenv("BENCH_LOAD") .. "/bench.lua")
local seed = os.getenv("BENCH_SEED") or "0"
local threads = {}
local ids

function setup(thread) table.insert(threads, thread) end
function init() sent = 0; ids = bench.read_ids() end  -- global: done() asks for it
function request()
  sent = sent + 1
  if sent > ids.count then
    wrk.thread:stop()
    return bench.get("/livez")
  end
  return bench.send("POST", "/api/sessions/" .. ids.at(sent - 1) .. "/recover",
    '{"new_machine_id":"recovered-' .. seed .. "-" .. sent .. '"}')
end
function done(summary, latency)
  local beyond = 0
  for _, thread in ipairs(threads) do
    beyond = beyond + math.max(0, thread:get("sent") - tonumber(os.getenv("BENCH_COUNT")))
  end
  bench.report(summary, latency, math.max(0, summary.requests - beyond))
end
