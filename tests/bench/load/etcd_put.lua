-- Puts of random keys of ten thousand, through etcd's HTTP gateway; the value is 24 characters, like a time.
local bench = dofile(os.getenv("BENCH_LOAD") .. "/bench.lua")
local keys = 10000
local digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function base64_of(number)  -- of the three bytes that make it up
  local text = ""
  for shift = 18, 0, -6 do
    local place = math.floor(number / 2 ^ shift) % 64
    text = text .. digits:sub(place + 1, place + 1)
  end
  return text
end

function init() math.randomseed(os.time()) end
function request()
  return bench.send("POST", "/v3/kv/put",
    '{"key":"' .. base64_of(math.random(keys)) .. '","value":"MjAyNi0xMS0yMFQxMjozMDowMC4wMDBa"}')
end
function done(summary, latency) bench.report(summary, latency) end
