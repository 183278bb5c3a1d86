"""The tables of the championship: who dominates whom, by how much, and whether that is more than chance; ranks, fronts, stability."""

import csv

from .numbers import deviation_of_mean, dominates, mean, paired, rank_rows
from .page import table, write_between
from .play import digest
from .scenarios import OURS, RESULTS, RIVALS, groups

MEANS = RESULTS / "means.csv"


class Played:
    """All runs, by scenario and arm."""

    def __init__(self, rows):
        self.rows = rows
        self.arms = list(dict.fromkeys(row["arm"] for row in rows))
        self.scenarios = list(dict.fromkeys(row["scenario"] for row in rows))
        self.runs = {}
        for row in rows:
            self.runs.setdefault((row["scenario"], row["arm"]), []).append(row)
        self.means = {}
        for pair, runs in self.runs.items():
            self.means[pair] = {key: mean([run[key] for run in runs]) for key in ("violations", "cost", "windows", "scalings", "reversals")}
            self.means[pair]["in_a_minute"] = max(run["in_a_minute"] for run in runs)

    def point(self, scenario, arm):
        return self.means[scenario, arm]["violations"], self.means[scenario, arm]["cost"]

    def values(self, scenario, arm, metric):
        return [run[metric] for run in self.runs[scenario, arm]]

    def difference(self, scenario, rival, metric):
        """Ours less theirs, seed by seed (both met the same requests): the mean, and half its 95 % interval."""
        return paired(self.values(scenario, OURS, metric), self.values(scenario, rival, metric))

    def dominated_by(self, scenario, arm):
        return [other for other in self.arms if dominates(self.point(scenario, other), self.point(scenario, arm))]


def points(difference, half):
    """A difference of shares with half its interval, in points, to the digits that matter."""
    digits = 3 if max(abs(difference), half) < 0.0005 else 2
    return f"{difference * 100:+.{digits}f} ± {half * 100:.{digits}f} points"


def share(runs):
    """A mean in per cent with its 95 % interval."""
    return f"{mean(runs) * 100:.2f} ± {1.96 * deviation_of_mean(runs) * 100:.2f}"


def against(played, scenario, rival):
    """What is to be said of us and a rival, with the differences behind it."""
    late, late_half = played.difference(scenario, rival, "violations")
    cost, cost_half = played.difference(scenario, rival, "cost")
    theirs = played.means[scenario, rival]["cost"]
    by_late = points(late, late_half)
    by_cost = f"{cost / theirs * 100:+.1f} ± {cost_half / theirs * 100:.1f} %"
    we, they = played.point(scenario, OURS), played.point(scenario, rival)
    if dominates(we, they) or dominates(they, we):
        return f"{'dominates' if dominates(we, they) else 'is dominated'} ({by_late}, {by_cost})"
    fewer = "fewer late" if we[0] < they[0] else "more late"
    dearer = "cheaper" if we[1] < they[1] else "dearer"
    return f"{fewer} ({by_late}), {dearer} ({by_cost})"


def dominates_but_for_chance(played, scenario, rival):
    """Dominance where a difference that lies within its interval counts as none."""
    beyond = []
    for metric in ("violations", "cost"):
        difference, half = played.difference(scenario, rival, metric)
        beyond.append(difference if abs(difference) > half else 0.0)
    return max(beyond) <= 0 and min(beyond) < 0


def count(played, group):
    on_front = sum(not played.dominated_by(scenario, OURS) for scenario in group)
    parts = [f"on the front in {on_front} of {len(group)}"]
    for rival in RIVALS:
        wins = sum(dominates(played.point(scenario, OURS), played.point(scenario, rival)) for scenario in group)
        parts.append(f"dominates `{rival}` in {wins}")
    return ", ".join(parts)


def chance(played, group):
    return " and ".join(
        f"`{rival}` in {sum(dominates_but_for_chance(played, scenario, rival) for scenario in group)}" for rival in RIVALS
    )


def verdict_rows(played, group):
    rows = []
    for scenario in group:
        over = played.dominated_by(scenario, OURS)
        front = "on the front" if not over else "dominated by " + ", ".join(over)
        rows.append([scenario, front, *[against(played, scenario, rival) for rival in RIVALS]])
    return rows


def ours(played):
    kept, design = groups(played.scenarios)
    head = ["scenario", "front", *[f"against `{rival}`" for rival in RIVALS]]
    return [
        f"### {OURS} against the others\n",
        f"One arm dominates another if its mean over the seeds is no worse in violations and in cost, and better in one. `{OURS}` with its defaults, "
        f"profiles kept aside: {count(played, kept)}. Design profiles: {count(played, design)}.\n",
        f"If a difference within its 95 % interval counts as none, it dominates {chance(played, kept)} of the {len(kept)} kept aside, and "
        f"{chance(played, design)} of the {len(design)} design profiles. In brackets: `{OURS}` less the other, in points of the share of late requests and in % of "
        "the other's cost, with the 95 % interval of the mean over pairs of runs that met the same requests.\n",
        "Kept aside:\n\n" + table(head, verdict_rows(played, kept)),
        "Design:\n\n" + table(head, verdict_rows(played, design)),
    ]


def goals(played):
    arms, scenarios = played.arms, played.scenarios
    shares = lambda metric: lambda scenario, arm: share(played.values(scenario, arm, metric))
    listed = [
        ("Violations", "violations", "Requests late, failed or lost, in %, with the 95 % interval of the mean over seeds.", shares("violations")),
        ("Violations by windows", "windows", "Windows of 10 s in which the objective was missed, that is in which more than 5 % of the requests were late, failed or lost, in % of the "
         "windows in which any were due, with the 95 % interval of the mean over seeds. This counts for how long users had it bad, the table above how many.", shares("windows")),
        ("Cost", "cost", "Replica-seconds from the load's start to a minute after its end.", lambda s, a: f"{played.means[s, a]['cost']:.0f}"),
    ]
    text = []
    for title, metric, what, cell in listed:
        text.append(f"### {title}\n\n{what}\n")
        text.append(table(["arm", *scenarios], [[arm, *[cell(scenario, arm) for scenario in scenarios]] for arm in arms]))
        text.append("Ranks, 1 for the best, mean over the scenarios with its 95 % interval (bootstrap over scenarios):\n")
        text.append(table(["arm", "rank", "interval"], rank_rows(played.means, arms, scenarios, metric)))
    return text


def front(played):
    arms, scenarios = played.arms, played.scenarios
    fronts = {scenario: [arm for arm in arms if not played.dominated_by(scenario, arm)] for scenario in scenarios}
    times = {arm: sum(arm in front for front in fronts.values()) for arm in arms}
    often = sorted(arms, key=lambda arm: (-times[arm], arm))
    return [
        "### Both: the front\n\nArms that no other arm dominates, by scenario; and in how many each arm is one of them.\n",
        table(["scenario", "front"], [[scenario, ", ".join(fronts[scenario])] for scenario in scenarios]),
        table(["arm", "times on the front"], [[arm, f"{times[arm]} of {len(scenarios)}"] for arm in often]),
    ]


def stability(played):
    stable = []
    for arm in played.arms:
        of_arm = [played.means[scenario, arm] for scenario in played.scenarios]
        stable.append((mean([m["reversals"] for m in of_arm]), arm, mean([m["scalings"] for m in of_arm]), max(m["in_a_minute"] for m in of_arm)))
    rows = [[arm, f"{turns:.1f}", f"{scalings:.1f}", str(most)] for turns, arm, scalings, most in sorted(stable)]
    return [
        "### Stability\n\nChanges of direction of the desired replicas in a run (mean over all runs), scalings, and the most changes of direction any run saw in a minute.\n",
        table(["arm", "changes of direction", "scalings", "most in a minute"], rows),
    ]


def write_means(played, repeats):
    RESULTS.mkdir(parents=True, exist_ok=True)
    with open(MEANS, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["scenario", "arm", "repeats", "slo_violation_ratio", "replica_seconds", "scalings", "reversals", "reversals_in_a_minute_max", "slo_missed_10s"])
        for scenario in played.scenarios:
            for arm in played.arms:
                m = played.means[scenario, arm]
                writer.writerow([scenario, arm, repeats, f"{m['violations']:.6f}", f"{m['cost']:.3f}", f"{m['scalings']:.3f}", f"{m['reversals']:.3f}", m["in_a_minute"], f"{m['windows']:.6f}"])


def report(rows, repeats):
    """Writes the tables and the means, and says the headline."""
    played = Played(rows)
    head = f"Made by `scripts/championship`: {len(played.arms)} arms, {len(played.scenarios)} scenarios, {repeats} seeds each, {len(rows)} runs in virtual time.\n"
    write_between("championship", [head, *ours(played), *goals(played), *front(played), *stability(played)])
    write_means(played, repeats)
    kept, design = groups(played.scenarios)
    print(f"{OURS}, kept aside: {count(played, kept)}\n{OURS}, design: {count(played, design)}\nsha256 of all runs: {digest(rows)}")
