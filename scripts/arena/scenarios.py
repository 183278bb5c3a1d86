"""What is played: the scenarios of the championship, their arms, and a run of one."""

import csv
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SCENARIOS = ROOT / "scenarios/championship"
RESULTS = ROOT / "results/championship"
PAGE = ROOT / "docs/championship.md"
PROGRAM = os.environ.get("WATCHTOWER", str(ROOT / "target/release/watchtower"))

PROFILES = ["ramp", "spike", "square", "sine", "poisson", "bursty", "steps", "sawtooth", "flash", "trace"]
KEPT_ASIDE = ["steps", "sawtooth", "flash", "trace"]
FUNCTIONS = ["quick", "slow"]
NAMES = [f"{profile}-{function}" for profile in PROFILES for function in FUNCTIONS]
POLICIES = ["lookout", "watchtower", "openfaas-ce", "hpa", "kpa", "openfaas-pro", "keda"]
OURS, RIVALS = "lookout", ["watchtower-tuned", "openfaas-ce"]


def say(text):
    print(text, file=sys.stderr, flush=True)


def path_of(name):
    return SCENARIOS / f"{name}.toml"


def groups(names):
    """Scenarios by what they are for: those kept aside, those designed on."""
    kept = [name for name in names if name.split("-")[0] in KEPT_ASIDE]
    return kept, [name for name in names if name not in kept]


def arm_text(name, policy, settings):
    lines = [f'[[arm]]\nname = "{name}"\npolicy = "{policy}"']
    return "\n".join(lines + [f"{key} = {json.dumps(value)}" for key, value in settings.items()]) + "\n"


def with_arms(text, arms):
    head, rest = text.split("# arms: begin", 1)
    tail = rest.split("# arms: end", 1)[1]
    return f"{head}# arms: begin (scripts/championship --arms writes them)\n\n" + "\n".join(arms) + "\n# arms: end" + tail


def without_twins(text):
    """The scenario without its A/A check: what the noise is, is told by the seeds."""
    return text.replace("[run]\n", "[run]\naa = false\n", 1)


@contextmanager
def alone(name, text):
    """A file for a scenario whose arms are played one by one: each meets the same seeds, and no time goes into verdicts on every pair."""
    path = SCENARIOS / f".{name}.toml"
    path.write_text(without_twins(text))
    try:
        yield path
    finally:
        path.unlink()


def write_arms():
    """Writes the scenarios' arms from tuned.json: each policy with its defaults, and tuned."""
    tuned = json.loads((SCENARIOS / "tuned.json").read_text())
    for function in FUNCTIONS:
        arms = [arm_text(policy, policy, {}) for policy in POLICIES]
        arms += [arm_text(f"{policy}-tuned", policy, tuned[function][policy]) for policy in POLICIES if policy in tuned[function]]
        for profile in PROFILES:
            path = path_of(f"{profile}-{function}")
            path.write_text(with_arms(path.read_text(), arms))


def run(scenario, out, *arguments):
    """Plays a scenario in virtual time; its rows of comparison.csv."""
    command = [PROGRAM, "run", str(scenario), "--target", "simulated", "--rows", "none", "--no-report", "--quiet", "--out", str(out), *arguments]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    with open(Path(out) / "comparison.csv", newline="") as file:
        return list(csv.DictReader(file))
