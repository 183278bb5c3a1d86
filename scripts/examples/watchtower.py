#!/usr/bin/env python3
"""The seed project's rule as a program for policy = "exec", with nothing but the standard library.

It takes exactly the decisions of the built-in policy "watchtower" (tests/it/exec.rs holds the two side by side). Two state
machines share a queue, as the original's two threads do: one probes, pauses and probes again; the other takes one probe after the
other, counts rounds above and below the band, and scales.

    [[arm]]
    policy = "exec"
    command = "python3 ../scripts/examples/watchtower.py --target 100 --scale-up-rounds 1"
"""

import argparse
import collections
import json
import math
import sys

SECOND = 1_000_000_000  # all times are whole nanoseconds
PATIENCE = 60 * SECOND


def fraction_or_auto(text):
    return None if text == "auto" else float(text)


def settings():
    parser = argparse.ArgumentParser(description="the watch tower's rule, speaking JSON lines")
    parser.add_argument("--check-frequency", type=int, default=5, help="seconds between two probes")
    parser.add_argument("--target", type=int, default=75, help="milliseconds")
    parser.add_argument("--tolerance", type=float, default=0.2)
    parser.add_argument("--scale-up-rounds", type=int, default=2)
    parser.add_argument("--scale-down-rounds", type=int, default=12)
    parser.add_argument("--scale-up-increment", type=fraction_or_auto, default=0.2)
    parser.add_argument("--scale-down-increment", type=fraction_or_auto, default=1.0)
    parser.add_argument("--failed-probes", choices=["ignore", "above"], default="ignore")
    parser.add_argument("--settle", type=float, default=1.0, help="seconds")
    parser.add_argument("--min-replicas", type=int, default=1)
    parser.add_argument("--max-replicas", type=int, default=5)
    return parser.parse_args()


def printed(latency):
    """Tenths of a millisecond, as hey prints a latency: "%4.4f secs"."""
    secs, nanos = divmod(latency, SECOND)
    return int(f"{secs + nanos / 1e9:.4f}".replace(".", ""))


def as_written(product):
    """Without the noise of a product's last binary digits."""
    return math.floor(product * 1e6 + 0.5) / 1e6


class WatchTower:
    def __init__(self, options):
        self.options = options
        self.pause = options.check_frequency * SECOND
        self.settle = round(options.settle * SECOND)
        self.lower = as_written(options.target * (1.0 - options.tolerance))
        self.upper = as_written(options.target * (1.0 + options.tolerance))
        self.most = max(options.max_replicas, options.min_replicas)
        self.above = self.below = 0
        self.queue = collections.deque()
        self.prober = None  # (state, time): waiting since, or pausing until
        self.decider = ("idle",)
        self.actions = []

    def handle(self, event):
        now, what = event["at"], event["event"]
        self.actions = []
        if what == "started":
            self.probe(now)
        elif what == "woken":
            self.wake_prober(now)
            self.wake_decider(now)
        elif what == "probe_done" and self.prober[0] == "waiting":
            self.probe_done(now, event["latency"], event["status"])
        elif what == "replicas" and event["function"] == 0:
            self.count_read(now, event["status"] and event["status"]["desired"])
        elif what == "scale_answered" and event["function"] == 0:
            self.scale_answered(now, event["refused"] is None)
        self.take_next(now)
        return {"actions": self.actions, "wake_at": self.wake_at()}

    def wake_at(self):
        state, at = self.prober
        times = [at + PATIENCE if state == "waiting" else at]
        if self.decider[0] == "settling":
            times.append(self.decider[-1])
        elif self.decider[0] != "idle":
            times.append(self.decider[-1] + PATIENCE)
        return min(times)

    # probing

    def probe(self, now):
        self.actions.append({"do": "probe"})
        self.prober = ("waiting", now)

    def wake_prober(self, now):
        state, at = self.prober
        if state == "pausing" and now >= at:
            self.probe(now)
        elif state == "waiting" and now >= at + PATIENCE:
            self.probe_done(now, now - at, None)

    def probe_done(self, now, latency, status):
        self.prober = ("pausing", now + self.pause)
        self.queue.append((latency, status))

    # deciding

    def take_next(self, now):
        while self.decider[0] == "idle" and self.queue:
            latency, status = self.queue.popleft()
            tenths = printed(latency) if status == 200 else None
            if tenths == 0 or (tenths is None and self.options.failed_probes == "ignore"):
                continue
            self.actions.append({"do": "read_replicas"})
            self.decider = ("reading", tenths, now)

    def wake_decider(self, now):
        state, at = self.decider[0], self.decider[-1]
        if state == "settling" and now >= at:
            self.read_back(now, self.decider[1])
        elif state in ("reading", "reading back") and now >= at + PATIENCE:
            self.count_read(now, None)
        elif state == "scaling" and now >= at + PATIENCE:
            self.decider = ("idle",)

    def count_read(self, now, desired):
        state, what = self.decider[0], self.decider[1:]
        if state == "reading":
            self.decider = ("idle",)
            self.decide(now, what[0], desired)
        elif state == "reading back":
            self.decider = ("idle",)
            if desired == what[0]:
                self.above = self.below = 0

    def decide(self, now, tenths, current):
        millis = None if tenths is None else tenths / 10
        options = self.options
        if millis is None or millis > self.upper:
            self.above, self.below = self.above + 1, 0
            due, limit, increment, sign = self.above >= options.scale_up_rounds, self.most, options.scale_up_increment, 1
        elif millis < self.lower:
            self.above, self.below = 0, self.below + 1
            due, limit = self.below >= options.scale_down_rounds, options.min_replicas
            increment, sign = options.scale_down_increment, -1
        else:
            self.above = self.below = 0
            return
        if current is None or not due or current == limit:
            return
        if increment is not None:
            to = math.ceil(current + sign * current * increment)
        elif tenths is None:
            to = math.ceil(current * self.upper / options.target)
        else:
            to = -(-current * tenths // (options.target * 10))
        to = max(min(to, self.most), options.min_replicas)
        seen = "the probe failed" if millis is None else f"latency {millis:.1f} ms"
        reason = f"{seen}, band {self.lower:g} to {self.upper:g} ms: {current} to {to} replicas"
        self.actions.append({"do": "scale", "from": current, "to": to, "reason": reason, "value": millis})
        self.decider = ("scaling", to, now)

    def scale_answered(self, now, is_accepted):
        if self.decider[0] != "scaling":
            return
        if not is_accepted:
            self.decider = ("idle",)
        elif self.settle == 0:
            self.read_back(now, self.decider[1])
        else:
            self.decider = ("settling", self.decider[1], now + self.settle)

    def read_back(self, now, to):
        self.actions.append({"do": "read_replicas"})
        self.decider = ("reading back", to, now)


def main():
    tower = WatchTower(settings())
    for line in sys.stdin:
        print(json.dumps(tower.handle(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
