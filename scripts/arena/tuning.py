"""A search for settings of each policy, on other seeds and loads than those that are judged."""

import json
import random
import re
import tempfile
from pathlib import Path

from .scenarios import FUNCTIONS, KEPT_ASIDE, PROFILES, SCENARIOS, arm_text, path_of, run, say, with_arms, write_arms

# What a search may choose from; the first entry of a list that names a function is for that function.
SPACE = {
    "watchtower": {
        "check_frequency": [1, 2, 5],
        "target": {"quick": [12, 16, 20, 30, 45, 75], "slow": [20, 40, 75, 100, 150, 200]},
        "tolerance": [0.1, 0.2, 0.4],
        "scale_up_rounds": [1, 2],
        "scale_down_rounds": [8, 15, 25, 40, 60],
        "scale_up_increment": [0.2, 0.5, 1.0, "auto"],
        "scale_down_increment": [0.2, 0.34, 0.5, 1.0],
    },
    "openfaas-ce": {"threshold": {"quick": [5.0, 40.0, 80.0], "slow": [5.0, 10.0, 14.0]}, "window": ["10s", "20s"], "evaluation_interval": ["5s", "15s"]},
    "hpa": {
        "metric": ["rps", "concurrency"],
        "target_rps": {"quick": [55.0, 65.0, 75.0, 85.0], "slow": [7.0, 8.5, 10.0, 12.0]},
        "target_concurrency": {"quick": [1.0, 1.5, 2.5], "slow": [1.8, 2.4, 3.0]},
        "sync_period": ["5s", "15s"],
        "metrics_interval": ["2s", "5s"],
        "tolerance": [0.0, 0.1],
        "scale_down_stabilization": ["15s", "30s", "60s"],
    },
    "kpa": {
        "metric": ["concurrency", "rps"],
        "target_rps": {"quick": [80.0, 100.0, 120.0], "slow": [10.0, 12.0, 15.0]},
        "target_concurrency": {"quick": [1.5, 2.5, 4.0], "slow": [2.5, 3.0, 4.0]},
        "target_utilization": [0.7, 0.85],
        "stable_window": ["10s", "20s", "40s"],
        "scale_down_delay": ["0s", "15s", "30s"],
        "panic_threshold_percentage": [120.0, 200.0],
    },
    "openfaas-pro": {
        "type": ["rps", "capacity"],
        "target": {"quick": [2.0, 4.0, 60.0, 75.0, 90.0], "slow": [3.0, 4.0, 8.0, 10.0, 13.0]},
        "down_window": ["0s", "15s", "30s", "60s"],
        "evaluation_interval": ["5s", "15s"],
        "metrics_interval": ["2s", "5s"],
    },
    "keda": {
        "trigger": ["prometheus", "http"],
        "metric": ["rps", "concurrency"],
        "threshold": {"quick": [1.5, 2.5, 60.0, 75.0, 90.0], "slow": [2.0, 3.0, 8.0, 10.0, 13.0]},
        "window": ["10s", "20s", "60s"],
        "sync_period": ["5s", "15s"],
        "metrics_interval": ["2s", "5s"],
        "tolerance": [0.0, 0.1],
        "scale_down_stabilization": ["15s", "30s", "60s"],
    },
    "lookout": {
        "utilisation": [0.45, 0.5, 0.55, 0.6, 0.65, 0.7],
        "hold": ["10s", "20s", "30s", "60s"],
        "standby": [1, 2, 3],
        "drain": ["5s", "10s", "20s"],
    },
}
CANDIDATES = 12
TUNING_SEED = 77
TUNING_LEVEL = 0.85
TUNING_REPEATS = 2


def scaled(text):
    """The scenario at another level: every rate times the tuning level."""
    def times(match):
        return f"{match[1]}{float(match[2]) * TUNING_LEVEL:g}"

    def steps(match):
        return 'steps = "' + re.sub(r"()(\d+(?:\.\d+)?)(?= (?:for|to))", times, match[1]) + '"'

    text = re.sub(r'steps = "([^"]*)"', steps, text)
    text = re.sub(r"(?m)^((?:rate|to) = )([\d.]+)$", times, text)
    if "trace = " in text:
        text = re.sub(r"(?m)^(scale = )([\d.]+)$", times, text) if "scale = " in text else text.replace("arrivals =", f"scale = {TUNING_LEVEL}\narrivals =")
    return text


def candidates(policy, function):
    """The defaults, and settings drawn from the space."""
    stream = random.Random(f"{policy} {function}")
    drawn = [{}]
    while len(drawn) < CANDIDATES:
        settings = {}
        for key, values in SPACE[policy].items():
            settings[key] = stream.choice(values[function] if isinstance(values, dict) else values)
        if policy == "hpa" or policy == "kpa":
            settings.pop("target_concurrency" if settings["metric"] == "rps" else "target_rps")
        if settings not in drawn:
            drawn.append(settings)
    return drawn


def tune(policies):
    """The cheapest settings that keep the objective over the design profiles together; if none does, those with the fewest violations."""
    tuned = json.loads((SCENARIOS / "tuned.json").read_text())
    for function in FUNCTIONS:
        for policy in policies:
            drawn = candidates(policy, function)
            violations, cost = [0.0] * len(drawn), [0.0] * len(drawn)
            design = [profile for profile in PROFILES if profile not in KEPT_ASIDE]
            for profile in design:
                with tempfile.TemporaryDirectory() as directory:
                    for data in SCENARIOS.glob("*.csv"):
                        (Path(directory) / data.name).write_bytes(data.read_bytes())
                    text = scaled(path_of(f"{profile}-{function}").read_text())
                    arms = [arm_text(f"c{index}", policy, settings) for index, settings in enumerate(drawn)]
                    scenario = Path(directory) / "tune.toml"
                    scenario.write_text(with_arms(text, arms))
                    rows = run(scenario, Path(directory) / "out", "--repeats", str(TUNING_REPEATS), "--seed", str(TUNING_SEED))
                for row in rows:
                    index = int(row["arm"][1:])
                    violations[index] += float(row["slo_violation_ratio"]) / len(design) / TUNING_REPEATS
                    cost[index] += float(row["replica_seconds"]) / len(design) / TUNING_REPEATS
            kept = [index for index in range(len(drawn)) if violations[index] <= 0.05]
            best = min(kept, key=lambda index: cost[index]) if kept else min(range(len(drawn)), key=lambda index: violations[index])
            tuned[function][policy] = drawn[best]
            say(f"{function} {policy}: {violations[best]:.2%} late at {cost[best]:.0f} replica-seconds with {drawn[best]}")
    (SCENARIOS / "tuned.json").write_text(json.dumps(tuned, indent=2) + "\n")
    write_arms()
