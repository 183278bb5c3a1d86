"""What knowing the rate beforehand would reach: timetables made from each scenario's own load, beside those that have to find out."""

import csv
import math
import tempfile
import tomllib
from pathlib import Path

from .numbers import dominates, mean
from .page import table, write_between
from .rates import CAPACITY, LINGER, START_UP, counts, highest, plan
from .scenarios import FUNCTIONS, NAMES, OURS, RESULTS, RIVALS, alone, arm_text, groups, path_of, run, say, with_arms
from .verdicts import MEANS

CEILING = RESULTS / "ceiling.csv"
UTILISATIONS = [0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.95]
FLOORS = [1, 2, 3]
SETTINGS = [(utilisation, floor) for utilisation in UTILISATIONS for floor in FLOORS]
BOTH = "both"


def plans(name):
    """The plan of each setting; many settings share one."""
    load = tomllib.loads(path_of(name).read_text())["load"][0]
    cells, capacity = highest(load), CAPACITY[name.split("-")[1]]
    return {setting: plan(counts(cells, capacity, *setting)) for setting in SETTINGS}


def play(name, distinct, repeats):
    """Means of violations and cost of each plan, to the digits that means.csv has."""
    arms = [arm_text(f"p{index}", "timetable", {"plan": plan}) for index, plan in enumerate(distinct)]
    found = {}
    with alone(name, with_arms(path_of(name).read_text(), arms)) as scenario:
        for index, plan in enumerate(distinct):
            with tempfile.TemporaryDirectory() as directory:
                rows = run(scenario, Path(directory) / "out", "--arm", f"p{index}", "--repeats", str(repeats))
            violations = mean([float(row["slo_violation_ratio"]) for row in rows])
            found[plan] = round(violations, 6), round(mean([float(row["replica_seconds"]) for row in rows]), 3)
    say(f"{name}: {len(distinct)} plans")
    return found


def others(repeats):
    """Means of the championship, by scenario and arm."""
    with open(MEANS, newline="") as file:
        rows = list(csv.DictReader(file))
    if any(int(row["repeats"]) != repeats for row in rows):
        say(f"note: {MEANS.name} has another number of repeats than {repeats}: the two did not meet the same requests")
    return {(row["scenario"], row["arm"]): (float(row["slo_violation_ratio"]), float(row["replica_seconds"])) for row in rows}


class Ceiling:
    """Points of all settings, beside those of the championship's arms."""

    def __init__(self, points, means):
        self.points, self.means = points, means

    def beats(self, name, point, rival):
        """Whether a point dominates a rival, or both."""
        rivals = RIVALS if rival == BOTH else [rival]
        return all(dominates(point, self.means[name, one]) for one in rivals)

    def winners(self, name, rival):
        return [setting for setting in SETTINGS if self.beats(name, self.points[name][setting], rival)]

    def distinct(self, name, settings):
        """Of settings that come to the same, one."""
        return list({self.points[name][setting]: setting for setting in reversed(settings)}.values())

    def best(self, names, rival):
        """The setting that dominates in most of these scenarios; of equals the first."""
        return max(SETTINGS, key=lambda setting: sum(self.beats(name, self.points[name][setting], rival) for name in names))

    def cheapest(self, name):
        """The cheapest setting that is no later than ours, if there is one."""
        late = self.means[name, OURS][0]
        kept = [setting for setting in SETTINGS if self.points[name][setting][0] <= late]
        return min(kept, key=lambda setting: self.points[name][setting][::-1], default=None)


def words(setting):
    utilisation, floor = setting
    return f"{utilisation:g} and {floor}"


def how_many(names, wins):
    """In how many scenarios: all, and of each kind."""
    kept, design = groups(names)
    return f"{sum(map(wins, names))} ({sum(map(wins, design))} + {sum(map(wins, kept))})"


def counted(ceiling):
    rivals = [*RIVALS, BOTH]

    def with_best(rival):
        of = {name: setting for function in FUNCTIONS for setting in [ceiling.best(ending(function), rival)] for name in ending(function)}
        return how_many(NAMES, lambda name: ceiling.beats(name, ceiling.points[name][of[name]], rival))

    def with_one(rival):
        one = ceiling.best(NAMES, rival)
        return f"{how_many(NAMES, lambda name: ceiling.beats(name, ceiling.points[name][one], rival))} with {words(one)}"

    kept, design = groups(NAMES)
    return table(
        [f"dominates, in how many of {len(NAMES)} ({len(design)} design + {len(kept)} kept aside)", *[f"`{rival}`" for rival in RIVALS], BOTH],
        [
            ["knows the rate, setting chosen afterwards for each scenario", *[how_many(NAMES, lambda name, rival=rival: bool(ceiling.winners(name, rival))) for rival in rivals]],
            ["knows the rate, best setting for each function", *[with_best(rival) for rival in rivals]],
            ["knows the rate, best setting for all", *[with_one(rival) for rival in rivals]],
            [f"`{OURS}`, which does not know", *[how_many(NAMES, lambda name, rival=rival: ceiling.beats(name, ceiling.means[name, OURS], rival)) for rival in rivals]],
        ],
    )


def ending(function):
    return [name for name in NAMES if name.endswith(f"-{function}")]


def by_scenario(ceiling):
    rows = []
    for name in NAMES:
        row = [name, str(len(ceiling.distinct(name, SETTINGS)))]
        for rival in [*RIVALS, BOTH]:
            winners = ceiling.winners(name, rival)
            if not winners:
                row.append("none")
                continue
            cheapest = min(winners, key=lambda setting: ceiling.points[name][setting][::-1])
            row.append(f"{len(ceiling.distinct(name, winners))}, as {words(cheapest)}")
        beaten = [rival for rival in RIVALS if ceiling.beats(name, ceiling.means[name, OURS], rival)]
        rows.append([*row, " and ".join(f"`{rival}`" for rival in beaten) or "neither"])
    return table(["scenario", "plans", *[f"dominate `{rival}`" for rival in RIVALS], "dominate both", f"`{OURS}` dominates"], rows)


def distance(ceiling):
    rows, ratios = [], []
    for name in NAMES:
        late, cost = ceiling.means[name, OURS]
        row = [name, f"{late * 100:.2f}", f"{cost:.0f}"]
        setting = ceiling.cheapest(name)
        if setting is None:
            fewest = min(point[0] for point in ceiling.points[name].values())
            rows.append([*row, "none", f"{fewest * 100:.2f} at best", "-", "-"])
            continue
        theirs = ceiling.points[name][setting]
        ratios.append(cost / theirs[1])
        rows.append([*row, words(setting), f"{theirs[0] * 100:.2f}", f"{theirs[1]:.0f}", f"{(cost / theirs[1] - 1) * 100:+.1f} %"])
    head = ["scenario", f"`{OURS}`: late, %", "cost", "cheapest plan that is no later", "late, %", "cost", f"`{OURS}` is dearer by"]
    middle = math.exp(mean([math.log(ratio) for ratio in ratios])) if ratios else math.nan
    return table(head, rows), f"In the {len(ratios)} scenarios where a plan is no later, `{OURS}` is dearer than the cheapest of them by {(middle - 1) * 100:.0f} % (geometric mean).\n"


def section(ceiling, plans_count, repeats):
    table_of_distances, sentence = distance(ceiling)
    return [
        f"Made by `scripts/championship --ceiling`: {len(SETTINGS)} settings, which come to {plans_count} plans in {len(NAMES)} scenarios, {repeats} seeds each, "
        f"{plans_count * repeats} runs in virtual time. A setting is a utilisation and a floor: at each time the fewest replicas that are no busier than the utilisation "
        f"(of what they can answer at most) at the highest rate from now to {START_UP} s ahead, and the floor at least; one that is too many goes {LINGER} s after the rate "
        "has fallen, when what was in flight in it is answered.\n",
        counted(ceiling),
        "By scenario: how many plans there are, how many of them dominate, and the cheapest of those.\n",
        by_scenario(ceiling),
        f"How far `{OURS}` is from it: the cheapest plan that is no later than `{OURS}`.\n",
        table_of_distances,
        sentence,
    ]


def write_points(ceiling, plans_of, repeats):
    with open(CEILING, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        rivals = [f"dominates_{rival}" for rival in [*RIVALS, OURS]]
        writer.writerow(["scenario", "utilisation", "floor", "plan", "repeats", "slo_violation_ratio", "replica_seconds", *rivals])
        for name in NAMES:
            numbers = {plan: number for number, plan in enumerate(dict.fromkeys(plans_of[name].values()))}
            for setting in SETTINGS:
                late, cost = point = ceiling.points[name][setting]
                marks = [int(ceiling.beats(name, point, rival)) for rival in [*RIVALS, OURS]]
                writer.writerow([name, *setting, numbers[plans_of[name][setting]], repeats, f"{late:.6f}", f"{cost:.3f}", *marks])


def report(repeats):
    """Plays all plans, writes their points and the page's section."""
    means = others(repeats)
    plans_of = {name: plans(name) for name in NAMES}
    points, plans_count = {}, 0
    for name in NAMES:
        found = play(name, list(dict.fromkeys(plans_of[name].values())), repeats)
        plans_count += len(found)
        points[name] = {setting: found[plan] for setting, plan in plans_of[name].items()}
    ceiling = Ceiling(points, means)
    write_points(ceiling, plans_of, repeats)
    write_between("ceiling", section(ceiling, plans_count, repeats))
    print(counted(ceiling), end="")
