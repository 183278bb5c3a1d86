"""Arithmetic of the tables: means, dominance, ranks, intervals."""

import random
from statistics import NormalDist


def mean(values):
    return sum(values) / len(values)


def dominates(one, other):
    """No worse in anything, and better in something."""
    return one != other and all(a <= b for a, b in zip(one, other))


def deviation_of_mean(values):
    """Standard error of the mean; 0 for a single value."""
    middle = mean(values)
    return (sum((value - middle) ** 2 for value in values) / max(1, len(values) - 1) / len(values)) ** 0.5


def students(count):
    """The 97.5 % point of Student's t for the mean of so many values: Fisher's expansion, right to 0.001 from nine values on."""
    z, n = NormalDist().inv_cdf(0.975), max(1, count - 1)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / n + second / n**2 + third / n**3


def paired(ours, theirs):
    """Mean of the differences, seed by seed, and half its 95 % interval."""
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    return mean(differences), students(len(differences)) * deviation_of_mean(differences)


def ranks(values):
    """Mean ranks, ties shared."""
    order = sorted(values.items(), key=lambda item: item[1])
    result, at = {}, 0
    while at < len(order):
        end = at
        while end < len(order) and order[end][1] == order[at][1]:
            end += 1
        for name, _ in order[at:end]:
            result[name] = (at + 1 + end) / 2
        at = end
    return result


def rank_rows(means, arms, scenarios, metric):
    """Mean rank over scenarios; its 95 % interval from 1 000 resamples of the scenarios."""
    by_scenario = {scenario: ranks({arm: means[scenario, arm][metric] for arm in arms}) for scenario in scenarios}
    stream = random.Random(metric)
    samples = [[stream.choice(scenarios) for _ in scenarios] for _ in range(1_000)]
    rows = []
    for arm in arms:
        middle = mean([by_scenario[scenario][arm] for scenario in scenarios])
        spread = sorted(mean([by_scenario[scenario][arm] for scenario in sample]) for sample in samples)
        rows.append((middle, arm, spread[24], spread[974]))
    return [[arm, f"{middle:.1f}", f"{low:.1f} to {high:.1f}"] for middle, arm, low, high in sorted(rows)]
