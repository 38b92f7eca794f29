-- Task transitions: all tasks are started one after the other, then all blocked, then started again ...
-- Every request changes its task as long as there are many more tasks than connections.
local bench = dofile(os.getenv("BENCH_LOAD") .. "/bench.lua")
local ids
local sent = 0

function init() ids = bench.read_ids() end
function request()
  local next_status = math.floor(sent / ids.count) % 2 == 0 and "in_progress" or "blocked"
  local id = ids.at(sent % ids.count)
  sent = sent + 1
  return bench.send("PATCH", "/api/tasks/" .. id, '{"status":"' .. next_status .. '"}')
end
function done(summary, latency) bench.report(summary, latency) end
