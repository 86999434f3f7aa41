"""Runs that are killed and resumed, and the cost of checkpoints.

python -m pytest tests/benchmarks/test_checkpoint.py -s
"""

import multiprocessing
import signal
import time
from pathlib import Path

import numpy as np
import pytest

import qconv
from qconv.execution.checkpoint import checkpoint
from qconv.execution.checkpoint.checkpoint import Checkpoint
from tests.execution.checkpoint.stopping import KINDS, digest, often

RUNS = 100

#: Seconds between two writes, so that a run of a second or two is saved several times.
INTERVAL = 0.02


def _do(kind, path, interval, pipe):
    """Run in a separate process; send the size of the found file, then digest and seconds."""
    often(interval)
    found = Path(path).stat().st_size if Path(path).exists() else 0
    pipe.send(found)
    started = time.perf_counter()
    result = KINDS[kind](path)
    pipe.send((digest(result), time.perf_counter() - started))


@pytest.fixture(scope="module")
def processes():
    """Start processes that have imported everything but simulated nothing."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["tests.execution.checkpoint.stopping"])
    return made


def run(processes, kind, path, kill_after=None):
    """Return digest and seconds of a run; None if it was killed before it finished."""
    ours, theirs = processes.Pipe()
    process = processes.Process(target=_do, args=(kind, str(path), INTERVAL, theirs))
    process.start()
    theirs.close()
    ours.recv()
    if kill_after is not None:
        time.sleep(kill_after)
        process.kill()
    try:
        outcome = ours.recv()
    except EOFError:
        outcome = None
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return outcome


def test_killed_at_random_moments(processes, tmp_path):
    """Ten kinds of runs, ten times each, are killed twice at random moments, and resumed."""
    rng = np.random.default_rng(2026)
    right = killed = held = 0
    for kind in KINDS:
        expected, took = run(processes, kind, tmp_path / f"{kind}.npz")
        part = [0, 0]
        for number in range(RUNS // len(KINDS)):
            path = tmp_path / f"{kind} {number}.npz"
            for moment in rng.random(2) * took:
                stopped = run(processes, kind, path, kill_after=moment) is None
                part[0] += stopped
                if stopped and path.exists():
                    part[1] += Checkpoint.read(path).gathered
            outcome = run(processes, kind, path)
            right += outcome is not None and outcome[0] == expected
            assert [left.name for left in tmp_path.glob(".*")] == []
            path.unlink()
        killed, held = killed + part[0], held + part[1]
        print(f"\n{kind:24}{took:6.2f} s, killed {part[0]} times, {part[1]} with something held")
    print(f"\n{right} of {RUNS} runs that were killed ({killed} times in all) end with the bytes")
    assert right == RUNS
    assert killed > RUNS
    assert held > killed / 3


def _cpu(call):
    """Return the CPU seconds of all cores."""
    started = time.process_time()
    call()
    return time.process_time() - started


PRICED = {
    "tiles": {"side": 3072, "shots": 3000},
    "jobs": {"side": 64, "shots": 10_000, "jobs": True},
}


@pytest.mark.parametrize("kind", PRICED)
def test_price(kind, tmp_path, monkeypatch):
    """About a minute of work, alternately with and without a checkpoint."""
    how = dict(PRICED[kind])
    side, jobs = how.pop("side"), how.pop("jobs", False)
    image = np.random.default_rng(0).random((side, side))
    kernel = qconv.named_kernel("gaussian", 5)
    if jobs:
        from qiskit_aer import AerSimulator

        how |= {"backend": AerSimulator()}
    spent = []
    write = Checkpoint._write

    def timed(self):
        started = time.thread_time()
        write(self)
        spent[-1] += time.thread_time() - started
        writings[-1] += 1

    monkeypatch.setattr(Checkpoint, "_write", timed)
    writings, withs, withouts, elapsed = [], [], [], []
    for number in range(3):
        spent.append(0.0)
        writings.append(0)
        path = tmp_path / f"{number}.npz"
        started = time.perf_counter()
        withs.append(
            _cpu(lambda path=path: qconv.convolve(image, kernel, seed=1, checkpoint=path, **how))
        )
        elapsed.append(time.perf_counter() - started)
        withouts.append(_cpu(lambda: qconv.convolve(image, kernel, seed=1, **how)))
        path.unlink()
    share = np.array(spent) / withs
    ratios = np.array(withs) / withouts
    print(
        f"\n{kind}: {np.median(elapsed):.0f} s, written {np.median(writings):.0f} times; CPU time "
        f"with a checkpoint / without = {np.median(ratios):.3f} ({ratios.min():.3f} to "
        f"{ratios.max():.3f}), of it writing {100 * np.median(share):.2f} % (goal 3 %)"
    )
    assert np.median(ratios) <= 1.03
    assert share.max() <= 0.03
    assert min(writings) > 5
    assert checkpoint.SHARE <= 0.03
