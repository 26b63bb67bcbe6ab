-- BATCH calls a request, one where it is not set, as a shop page sends it: new messageId, one of 5,000 visitors, half of
-- them with six properties.
math.randomseed(os.time())
local function hex(n)
  local digits = {}
  for i = 1, n do digits[i] = string.format("%x", math.random(0, 15)) end
  return table.concat(digits)
end
local run, n = hex(12), 0
local visitors = {}
for i = 1, 5000 do
  visitors[i] = string.format("%s-%s-4%s-a%s-%s", hex(8), hex(4), hex(3), hex(3), hex(12))
end
local key = os.getenv("WRITE_KEY")
local track = '{"type":"track","event":"Product Viewed","messageId":"%s","anonymousId":"%s","writeKey":"' .. key ..
  '","properties":{"product_id":"P10234","sku":"10234-BL-M","category":"garden-tools","price":129.95,"quantity":1,' ..
  '"position":14},"context":{"page":{"url":"https://www.shop.example/p/10234-a-named-thing","title":"Thing"}}}'
local other = '{"type":"track","event":"Size Guide Opened","messageId":"%s","anonymousId":"%s","writeKey":"' .. key ..
  '","context":{"page":{"url":"https://www.shop.example/p/10234-a-named-thing","title":"Thing"}}}'
wrk.method = "POST"
wrk.headers["Content-Type"] = "text/plain"
wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
local batch = tonumber(os.getenv("BATCH") or "1")
local function call()
  n = n + 1
  local id = string.format("%s-%s-4%03x-a%03x-%012x", run:sub(1, 8), run:sub(9, 12), n % 4096, math.floor(n / 4096) % 4096, n)
  return string.format(n % 2 == 0 and track or other, id, visitors[math.random(5000)])
end
request = function()
  if batch == 1 then return wrk.format(nil, "/v1/track", nil, call()) end
  local calls = {}
  for i = 1, batch do calls[i] = call() end
  return wrk.format(nil, "/v1/batch", nil, '{"writeKey":"' .. key .. '","batch":[' .. table.concat(calls, ",") .. "]}")
end
