"""All runs of the championship: a row for each, in order."""

import csv
import hashlib
import json
import tempfile
import tomllib
from pathlib import Path

from .scenarios import NAMES, alone, path_of, run, say

# what the digest of all runs is made of; a column that comes later does not change it
DIGESTED = ["scenario", "arm", "repeat", "violations", "cost", "scalings", "reversals", "in_a_minute"]


def reversals(events):
    """Changes of direction of the desired replicas, and the most of them in any minute."""
    last, turns = None, []
    with open(events, newline="") as file:
        for row in csv.DictReader(file):
            if row["kind"] != "scale" or row["actor"].startswith("shadow:"):
                continue
            way = int(row["to"]) > int(row["from"])
            if last is not None and way != last:
                turns.append(float(row["t_s"]))
            last = way
    most = max((sum(turn <= other < turn + 60 for other in turns) for turn in turns), default=0)
    return len(turns), most


def play_arm(name, scenario, arm, repeats):
    """The runs of one arm: a row for each, in order."""
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / name
        for row in run(scenario, out, "--arm", arm, "--repeats", str(repeats)):
            turns, most = reversals(out / "runs" / f"{row['arm']}-{row['repeat']}" / "events.csv")
            rows.append({
                "scenario": name, "arm": row["arm"], "repeat": int(row["repeat"]),
                "violations": float(row["slo_violation_ratio"]), "cost": float(row["replica_seconds"]),
                "scalings": int(row["scale_ups"]) + int(row["scale_downs"]), "reversals": turns, "in_a_minute": most,
                "windows": float(row["slo_missed_10s"]),
            })
    return rows


def play(repeats):
    """All runs: a row for each, in order."""
    rows = []
    for name in NAMES:
        text = path_of(name).read_text()
        with alone(name, text) as scenario:
            for arm in tomllib.loads(text)["arm"]:
                rows += play_arm(name, scenario, arm["name"], repeats)
        say(name)
    return rows


def digest(rows):
    """One number for all runs: the same version gives the same."""
    digested = [{key: row[key] for key in DIGESTED} for row in rows]
    return hashlib.sha256(json.dumps(digested, sort_keys=True).encode()).hexdigest()
