"""The page of the documentation, its JSON and its figures, from the rows of a run."""

import datetime
import json
import platform
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.peers import figures, left_out, words
from tests.benchmarks.peers.adapters import PEERS, classical_ends
from tests.benchmarks.peers.jobs import JOBS

SHARED = ("numpy", "scipy", "qiskit", "qiskit-aer")


def circumstances():
    """Date and versions of a run."""
    packages = sorted({peer.package for peer in PEERS if peer.package} | set(SHARED))
    known = {
        name: next((p.version() for p in PEERS if p.package == name), None) for name in packages
    }
    return {
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "versions": {n: v or (version(n) if n in SHARED else None) for n, v in known.items()},
    }


def _text(value, form):
    if value is None or value != value:
        return "—"
    return format(value, form) if form else str(value)


def best_own(rows, key, sense):
    """Best value of qconv's rows in a column; None if there is none."""
    values = [row[key] for row in rows if row["kind"] == "own" and row.get(key) is not None]
    return (min if sense == "least" else max)(values, default=None)


def is_better(row, rows, key, sense):
    """Return whether a peer's value is better than every comparable value of qconv in a column."""
    value, own = row.get(key), best_own(rows, key, sense)
    if row["kind"] != "peer" or sense is None or value is None or own is None:
        return False
    return value < own if sense == "least" else value > own


def groups(found, job):
    """Yield case and rows of each table of a job; rows with the same setting are compared."""
    for case in job.CASES:
        rows = [row for row in found["rows"] if row["job"] == job.NAME and row["case"] == case]
        if rows:
            yield case, rows


def compared_with(row, rows):
    """Return the comparable rows: same setting, and the image in the state as in the given row."""
    keys = ("setting", "loads")
    return [other for other in rows if all(other.get(key) == row.get(key) for key in keys)]


def table(job, rows):
    """Lines of a table in Markdown."""
    columns = [c for c in job.COLUMNS if any(row.get(c[1]) is not None for row in rows)]
    yield "| method | " + " | ".join(column[0] for column in columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for row in rows:
        if "reason" in row:
            yield (
                f"| {row['peer']} | did not run: {' '.join(row['reason'].split())[:90]} |"
                + " |" * (len(columns) - 1)
            )
            continue
        cells = []
        for _, key, form, sense in columns:
            text = _text(row.get(key), form)
            cells.append(
                f"**{text}**" if is_better(row, compared_with(row, rows), key, sense) else text
            )
        yield f"| {row['peer']} | " + " | ".join(cells) + " |"


def better(found):
    """Return the table of columns in which a peer is better than every method of qconv."""
    yield "| table | column | better | why | what would change it |"
    yield "|---|---|---|---|---|"
    for job in JOBS:
        for case, rows in groups(found, job):
            for title, key, _, sense in job.COLUMNS:
                names = dict.fromkeys(
                    row["peer"]
                    for row in rows
                    if is_better(row, compared_with(row, rows), key, sense)
                )
                if names:
                    why, change = words.reason(case, key)
                    yield f"| {case} | {title} | {', '.join(names)} | {why} | {change} |"


def stated(found):
    """Return the table of stated errors: one line per method that estimates an image or number."""
    yield "| method | is an error stated? | mean z², smallest to largest |"
    yield "|---|---|---|"
    rows = [r for r in found["rows"] if r["job"] in ("filters", "amplitude") and "reason" not in r]
    for name in dict.fromkeys(row["peer"] for row in rows if row["kind"] != "classical"):
        mine = [row.get("z") for row in rows if row["peer"] == name]
        right = [value for value in mine if value is not None and value == value]
        if right:
            yield f"| {name} | yes | {min(right):.2f} to {max(right):.2f} |"
        else:
            yield f"| {name} | no | — |"


def markdown(found):
    """The whole page."""
    lines = [words.HEAD.format(**found, minutes=found["total_seconds"] / 60)]
    lines += ["| package | version |", "|---|---|"]
    lines += [
        f"| {name} | {number or 'not installed'} |" for name, number in found["versions"].items()
    ]
    ran = {row["peer"] for row in found["rows"] if row["kind"] == "peer" and "reason" not in row}
    lines += ["", words.PEERS.format(ran=len(ran)), "| method | source |", "|---|---|"]
    lines += [f"| {peer.name} | {peer.source} |" for peer in PEERS if peer.kind == "peer"]
    for job in JOBS:
        tables = list(groups(found, job))
        if tables:
            lines += ["", f"## {job.TITLE}", "", job.TEXT.strip()]
            for file, (_, name, shown) in figures.FIGURES.items():
                lines += ["", f"![{shown}]({file})"] if name == job.NAME else []
        for case, rows in tables:
            lines += ["", f"### {job.CASES[case]}", "", *table(job, rows)]
    lines += ["", words.STATED.strip(), "", *stated(found)]
    lines += ["", words.BETTER.strip(), "", *better(found)]
    lines += ["", words.LEFT_OUT.strip(), "", "| peer | reason |", "|---|---|"]
    lines += [f"| {name} | {reason} |" for name, reason in left_out.REASONS.items()]
    example = Path(classical_ends.__file__).read_text()
    lines += ["", words.HOW_TO.format(example=example).strip()]
    return "\n".join(lines) + "\n"


def write(found, folder):
    """Write the page, its JSON and its figures."""
    folder = Path(folder)
    for file, (drawn, name, _) in figures.FIGURES.items():
        if any(row["job"] == name for row in found["rows"]):
            drawn(found).savefig(folder / file, dpi=110)
    (folder / "peers.json").write_text(json.dumps(found, indent=1) + "\n")
    (folder / "peers.md").write_text(markdown(found))
