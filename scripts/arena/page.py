"""The page docs/championship.md: tables, and what stands between two markers."""

from .scenarios import PAGE


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" if i == 0 else "---:" for i in range(len(head))) + " |"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def write_between(mark, text):
    """Replaces what stands between the markers of this name."""
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    head, rest = PAGE.read_text().split(begin, 1)
    PAGE.write_text(f"{head}{begin}\n\n" + "\n".join(text) + f"\n{end}" + rest.split(end, 1)[1])
