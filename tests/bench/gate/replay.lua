-- SPDX-License-Identifier: Apache-2.0
-- wrk -s replay.lua URL -- FOLDER CLASS: sends the requests FOLDER/CLASS-00.http, -01 ... one after the other.
local requests, turn = {}, 0

function init(args)
  for i = 0, 99 do
    local file = io.open(string.format("%s/%s-%02d.http", args[1], args[2], i), "rb")
    if not file then
      break
    end
    requests[#requests + 1] = file:read("*a")
    file:close()
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
