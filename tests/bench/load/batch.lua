-- Heartbeats of random machines, each with those of its hundred sessions.
local bench = dofile(os.getenv("BENCH_LOAD") .. "/bench.lua")
local sessions_each = 100
local ids

function init() ids = bench.read_ids() end
function request()
  local machine = math.random(math.floor(ids.count / sessions_each)) - 1
  local beats = {}
  for i = 1, sessions_each do
    beats[i] = '{"session_id":"' .. ids.at(machine * sessions_each + i - 1) .. '"}'
  end
  return bench.send("POST", "/api/machines/live-machine-" .. machine .. "/heartbeat",
    '{"sessions":[' .. table.concat(beats, ",") .. "]}")
end
function done(summary, latency) bench.report(summary, latency) end
