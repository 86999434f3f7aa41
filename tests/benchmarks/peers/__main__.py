"""Run all jobs by all peers; write the page, its JSON and its figures.

python -m tests.benchmarks.peers [--jobs NAME ...] [--out DIRECTORY] [--compare FILE]
"""

import argparse
import json
import time
from pathlib import Path

from tests.benchmarks.peers import page
from tests.benchmarks.peers.adapters import PEERS
from tests.benchmarks.peers.jobs import JOBS
from tests.benchmarks.peers.running import within

DOCS = Path(__file__).parents[3] / "docs" / "benchmarks"


def rows(jobs):
    """Yield one dictionary per row: job, case, peer, and figures or the reason for none."""
    for job in jobs:
        for case in job.CASES:
            for peer in PEERS:
                if case not in peer.jobs:
                    continue
                start = time.perf_counter()
                found = within(peer.seconds, job.run, peer.jobs[case], case)
                head = {"job": job.NAME, "case": case, "peer": peer.name, "kind": peer.kind}
                took = time.perf_counter() - start
                print(f"{took:6.1f} s  {case}: {peer.name}  {found.get('reason', '')}", flush=True)
                if "reason" in found:
                    yield head | {"reason": found["reason"]}
                for row in found.get("rows", []):
                    yield head | {"seconds": found["seconds"]} | row


def without_times(found):
    """Results of a run but for times and the date."""
    return json.dumps(
        [{key: row[key] for key in row if "seconds" not in key} for row in found["rows"]], indent=1
    )


def main():
    """Run, write, and compare with an earlier run if there is one to compare with."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers", description=__doc__)
    names = [job.NAME for job in JOBS]
    parser.add_argument("--jobs", nargs="+", choices=names, default=names)
    parser.add_argument("--out", type=Path, default=DOCS, help="directory (docs/benchmarks)")
    parser.add_argument("--compare", type=Path, help="JSON of an earlier run with equal figures")
    parser.add_argument("--write", type=Path, help="write the page anew from a JSON; run nothing")
    given = parser.parse_args()
    if given.write:
        found = json.loads(given.write.read_text())
    else:
        start = time.perf_counter()
        jobs = [job for job in JOBS if job.NAME in given.jobs]
        found = {"rows": list(rows(jobs)), **page.circumstances()}
        found["total_seconds"] = time.perf_counter() - start
    given.out.mkdir(parents=True, exist_ok=True)
    page.write(found, given.out)
    print(f"{given.out / 'peers.md'}: {len(found['rows'])} rows")
    if given.compare:
        before = json.loads(given.compare.read_text())
        same = without_times(found) == without_times(before)
        print("same figures" if same else "figures differ")
        raise SystemExit(not same)


if __name__ == "__main__":
    main()
