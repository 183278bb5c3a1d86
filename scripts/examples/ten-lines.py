#!/usr/bin/env python3
# The shortest autoscaler for policy = "exec": a probe each 5 s, one replica more if it took over 75 ms, one less if under 20 ms.
import json, sys
probed, latency, tell = 0, 0, lambda **answer: print(json.dumps(answer), flush=True)
for event in map(json.loads, sys.stdin):
    if event["event"] == "started" or (event["event"] == "woken" and event["at"] >= probed + 5_000_000_000):
        probed = event["at"]; tell(actions=[{"do": "probe"}])
    elif event["event"] == "probe_done":
        latency = event["latency"] / 1e6; tell(actions=[{"do": "read_replicas"}], wake_at=probed + 5_000_000_000)
    elif event["event"] == "replicas" and event["status"] and not 20 <= latency <= 75:
        to = max(1, event["status"]["desired"] + (1 if latency > 75 else -1))
        tell(actions=[{"do": "scale", "to": to, "reason": f"the probe took {latency:.1f} ms"}], wake_at=probed + 5_000_000_000)
    else:
        tell(wake_at=probed + 5_000_000_000)
