"""Run all jobs by all peers; write the page, its JSON and its figures."""

import argparse
import json
import time
from pathlib import Path

from tests.benchmarks.peers import checks, page
from tests.benchmarks.peers.adapters import PEERS
from tests.benchmarks.peers.jobs import JOBS
from tests.benchmarks.peers.running import within

DOCS = Path(__file__).parents[3] / "docs" / "benchmarks"


def rows(jobs, peers, workers):
    """Return one dictionary per row: job, case, peer, and figures or the reason for none."""
    asked = [
        (job, case, peer)
        for job in jobs
        for case in job.CASES
        for peer in (*PEERS, *checks.PEERS)
        if case in peer.jobs and (not peers or peer.name in peers)
    ]
    tasks = [(peer.seconds, job.run, peer.jobs[case], case) for job, case, peer in asked]
    outcomes, start = {}, time.perf_counter()
    for number, found in within(tasks, workers):
        job, case, peer = asked[number]
        head = {"job": job.NAME, "case": case, "peer": peer.name, "kind": peer.kind}
        took = time.perf_counter() - start
        print(f"{took:6.0f} s  {case}: {peer.name}  {found.get('reason', '')}", flush=True)
        if "reason" in found:
            outcomes[number] = [head | {"reason": found["reason"]}]
        else:
            outcomes[number] = [head | {"seconds": found["seconds"]} | row for row in found["rows"]]
    return [row for number in sorted(outcomes) for row in outcomes[number]]


def without_times(found):
    """Return the results of a run without times and date."""
    kept = [{key: row[key] for key in row if "seconds" not in key} for row in found["rows"]]
    return sorted(json.dumps(row, sort_keys=True) for row in kept)


def main():
    """Run, write, and compare with an earlier run if its file is given."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers", description=__doc__)
    names = [job.NAME for job in JOBS]
    parser.add_argument("--jobs", nargs="*", choices=names, default=names)
    parser.add_argument("--peers", nargs="*", help="names of peers (all)")
    parser.add_argument("--out", type=Path, default=DOCS, help="directory (docs/benchmarks)")
    parser.add_argument("--compare", type=Path, help="JSON of an earlier run with equal figures")
    parser.add_argument("--workers", type=int, default=2, help="processes at a time (2)")
    parser.add_argument("--earlier", nargs="*", default=[], type=Path, help="JSONs of other rows")
    given = parser.parse_args()
    start = time.perf_counter()
    jobs = [job for job in JOBS if job.NAME in given.jobs]
    found = {"rows": rows(jobs, given.peers, given.workers), **page.circumstances()}
    found["total_seconds"] = time.perf_counter() - start
    for path in given.earlier:
        earlier = json.loads(path.read_text())
        anew = {(row["job"], row["peer"]) for row in found["rows"]}
        found["rows"] += [r for r in earlier["rows"] if (r["job"], r["peer"]) not in anew]
        found["total_seconds"] += earlier["total_seconds"]
    order = [(job.NAME, peer.name) for job in JOBS for peer in (*PEERS, *checks.PEERS)]
    found["rows"].sort(key=lambda row: order.index((row["job"], row["peer"])))
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
