"""The rate of a scenario's load over time, as its own file says it; and the plan of one who knows it beforehand.

Time goes in cells of a tenth of a second: every load of the championship changes its course at a multiple of that.
"""

import csv
import math
import re

from .scenarios import SCENARIOS

CELLS = 10  # a second
START_UP = 6  # s: the longest a pod takes to be ready (docs/platform.md)
LINGER = 3  # s a replica stays after the rate has fallen: what is in flight in one that goes is lost, and whoever knows the rate can know that
GRANTED = 5  # replicas the platform grants at most
CAPACITY = {"quick": 125.0, "slow": 16.0}  # requests/s a replica answers at most: 1 / 8 ms; four threads of 250 ms


def seconds(text):
    """A duration such as 1m30s."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)(ms|s|m|h)", text))


def line(start, length, first, last):
    """A piece of a load: from when, for how long, and its rate at a share of it."""
    return start, length, lambda share: first + (last - first) * share


def pieces(load):
    """A load's pieces, in order; the rate is monotone in each cell of one."""
    if "steps" in load:
        return list(steps(load["steps"]))
    if "trace" in load:
        return list(trace(load))
    low, high, length = load["rate"], load.get("to"), seconds(load["duration"])
    shape = load.get("shape", "constant")
    if shape == "constant":
        return [line(0, length, low, low)]
    if shape == "ramp":
        return [line(0, length, low, high)]
    if shape == "spike":
        at, lasts = seconds(load["spike_at"]), seconds(load["spike_for"])
        return [line(0, at, low, low), line(at, lasts, high, high), line(at + lasts, length - at - lasts, low, low)]
    period = seconds(load["period"])
    starts = [period * index for index in range(math.ceil(length / period))]
    if shape == "square":
        half = period / 2
        return [piece for at in starts for piece in (line(at, half, low, low), line(at + half, half, high, high))]
    if shape == "sawtooth":
        return [line(at, period, low, high) for at in starts]
    if shape == "sine":
        return [(at, period, lambda share: low + (high - low) * (1 - math.cos(2 * math.pi * share)) / 2) for at in starts]
    raise ValueError(f"a load of shape {shape} is not known here")


def steps(text):
    at = 0.0
    for step in text.split(","):
        levels, _, length = step.strip().rpartition(" for ")
        first, _, last = levels.partition(" to ")
        yield line(at, seconds(length), float(first), float(last or first))
        at += seconds(length)


def trace(load):
    width, scale = seconds(load["bin"]), load.get("scale", 1.0)
    with open(SCENARIOS / load["trace"], newline="") as file:
        for index, row in enumerate(csv.DictReader(file)):
            rate = float(row["count"]) * scale / width
            yield line(index * width, width, rate, rate)


def highest(load):
    """The highest rate in each cell, from the load's start to its end, in requests/s."""
    cells = []
    for start, length, rate in pieces(load):
        assert round(start * CELLS) == len(cells), "a piece begins where the one before it ends"
        count = round(length * CELLS)
        cells += [max(rate(index / count), rate((index + 1) / count)) for index in range(count)]
    return cells


def counts(cells, capacity, utilisation, floor):
    """Replicas in each cell for one who knows the rate: the fewest that are no busier than `utilisation` at the highest rate from now to the longest
    start-up ahead (and since a moment ago, so that they are empty when they go), and `floor` at least."""
    ahead, behind = START_UP * CELLS, LINGER * CELLS
    result = []
    # a cell more after all that the load's end still keeps
    for at in range(len(cells) + behind + 1):
        seen = cells[max(0, at - behind) : at + ahead + 1]
        needed = math.ceil(max(seen, default=0.0) / (utilisation * capacity) - 1e-9)
        result.append(min(GRANTED, max(floor, needed)))
    return result


def plan(counts):
    """The counts as a timetable has them: `1 at 0s, 3 at 54s`."""
    changes = [(at, count) for at, count in enumerate(counts) if at == 0 or count != counts[at - 1]]
    return ", ".join(f"{count} at {at * 1000 // CELLS}ms" if at % CELLS else f"{count} at {at // CELLS}s" for at, count in changes)
