-- Recoveries, one of each session, of as many as there are: the time counts until the last one is asked for.
-- BENCH_SEED must be another one in every run.
local bench = dofile(os.getenv("BENCH_LOAD") .. "/bench.lua")
local seed = os.getenv("BENCH_SEED") or "0"
local threads = {}
local ids

function setup(thread) table.insert(threads, thread) end
function init() sent = 0; ids = bench.read_ids() end  -- global, and the times: done() asks for them
function request()
  began = began or bench.now_s()
  sent = sent + 1
  if sent > ids.count then
    ended = ended or bench.now_s()
    wrk.thread:stop()
    return bench.get("/livez")
  end
  return bench.send("POST", "/api/sessions/" .. ids.at(sent - 1) .. "/recover",
    '{"new_machine_id":"recovered-' .. seed .. "-" .. sent .. '"}')
end
function done(summary, latency)
  local beyond, seconds = 0, 0
  for _, thread in ipairs(threads) do
    beyond = beyond + math.max(0, thread:get("sent") - tonumber(os.getenv("BENCH_COUNT")))
    local ended = thread:get("ended")
    seconds = math.max(seconds, ended and ended - thread:get("began") or summary.duration / 1e6)
  end
  bench.report(summary, latency, math.max(0, summary.requests - beyond), seconds)
end
