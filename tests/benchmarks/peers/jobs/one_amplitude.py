"""One amplitude: error times oracle calls of estimations of a probability.

A peer's function takes probabilities, a number of calls and a seed, and returns estimates, standard
errors (nan if none is stated) and calls, one of each per probability.
"""

import numpy as np

SETTINGS = (1000, 3000)  # oracle calls
RUNS = 150

NAME = "amplitude"
TITLE = "One amplitude"
TEXT = f"""\
A probability is drawn uniformly between 0 and 1, {RUNS} times, and estimated. A circuit of the
Grover power $m$ counts as $2m + 1$ oracle calls for all methods, even if its authors count
differently. Methods with a target accuracy are given an accuracy for which they need the stated
calls on average. Outcomes are drawn from the probabilities of the circuits. The rows of
`qiskit-algorithms` are exceptions: its own classes run circuits for {RUNS // 10} of the
probabilities. Its IAE is given an accuracy for which it needs about the stated calls. Its MLAE uses
as many powers as the stated calls allow. Errors are errors of the probability. Their root mean
square has a relative standard error of about 6 % with {RUNS} runs and 18 % with {RUNS // 10}, and
more if the errors have heavy tails. A single gross error dominates the root mean square. The column
*95 % x calls* is the error that 95 % of the runs do not exceed, times the calls.
"""
CASES = {"amplitude": "Error times oracle calls"}
COLUMNS = [
    ("stated calls", "setting", ",d", None),
    ("calls", "calls", ",.0f", None),
    ("RMSE x calls", "product", ".1f", "least"),
    ("95 % x calls", "most", ".1f", "least"),
    ("mean z²", "z", ".2f", None),
    ("furthest run (standard errors)", "furthest", ".1f", None),
    ("CPU s", "seconds", ".1f", None),
]


def probabilities(runs, calls):
    """Draw the probabilities for one number of calls."""
    return np.random.default_rng(calls).random(runs)


def figures(p, found, stderr, used):
    """One row of errors times calls."""
    calls, error = float(np.mean(used)), np.abs(found - p)
    row = {
        "calls": calls,
        "product": float(np.sqrt(np.mean(error**2)) * calls),
        "most": float(np.quantile(error, 0.95) * calls),
        "root_most": float(
            np.quantile(np.abs(np.sqrt(np.clip(found, 0, 1)) - np.sqrt(p)), 0.95) * calls
        ),
    }
    if not np.isnan(stderr).any():
        z = error / stderr
        row |= {"z": float(np.mean(z**2)), "furthest": float(z.max())}
    return row


def run(function, case, settings=SETTINGS, runs=RUNS):
    """One row per number of calls."""
    rows = []
    for calls in settings:
        p = probabilities(runs, calls)
        found, stderr, used = function(p, calls, calls)
        rows.append({"setting": calls} | figures(p[: len(found)], found, stderr, used))
    return rows
