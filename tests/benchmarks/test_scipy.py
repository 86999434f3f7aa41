"""SciPy's own tests of its convolutions and correlations, with qconv's verbs in their place.

    OMP_NUM_THREADS=1 python -m pytest tests/benchmarks/test_scipy.py -s

SciPy is installed with its tests. A separate process runs the module of these tests with qconv's
verbs instead of ``convolve``, ``convolve2d``, ``correlate`` and ``correlate2d``. No code of SciPy
is copied. The printed table has every failure with its reason. About a minute.

``shots=None`` gives the exact expectation. Four things are translated:

- Types. Results of qconv are in double precision, results of SciPy in the type of its inputs.
  Numbers are converted to that type. For integer types, they are rounded; they must be integers up
  to 1e-9 of the largest number. They wrap around if the type is too small, as in SciPy.
- Rounding. Where a test of SciPy requires identical floating-point numbers, a difference of 1e-14
  of the largest number is allowed. The tests that need this are counted.
- Algorithms. ``direct`` is the method `qconv.Collapse`, and ``fft`` is `qconv.Fourier`. Other names
  are rejected here, because qconv's methods are not named by strings.
- Axes. Functions whose name ends in ``2d`` reject arrays that do not have two axes.
"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import qconv

TESTS = find_spec("scipy.signal.tests")  # None if SciPy is installed without them
ROOT = Path(__file__).parents[2]
CLASSES = (
    "TestConvolve",
    "TestConvolve2d",
    "TestCorrelateReal",
    "TestCorrelate",
    "TestCorrelateComplex",
    "TestCorrelate2d",
)
#: Assertions of equality, by their names in several versions of SciPy.
EQUAL = {"xp_assert_equal", "assert_equal", "assert_array_equal"}
METHODS = {"auto": {}, "direct": {"method": qconv.Collapse()}, "fft": {"method": qconv.Fourier()}}

_NO_AXES = "arrays without axes are rejected"

#: Tests that fail, with the reason of each.
REASONS = {
    "TestConvolve::test_zero_rank": _NO_AXES,
    "TestConvolve::test_zero_rank_python_scalars": _NO_AXES,
    "TestCorrelateComplex::test_rank0": _NO_AXES,
    "TestConvolve2d::test_fillvalue_errors": "complex fill values of real images are allowed",
}


def of_type(numbers, kind):
    """Convert numbers in double precision to the type of SciPy's result."""
    if kind.kind in "fc":
        return numbers.astype(kind)
    whole = np.rint(numbers)
    assert np.abs(numbers - whole).max() <= 1e-9 * max(1.0, np.abs(whole).max())
    if kind.kind == "b":
        return whole != 0
    with np.errstate(invalid="ignore"):  # beyond 64 bits
        return whole.astype(np.int64).astype(kind)


def in_place(verb, axes=None):
    """Return a verb of qconv with the arguments and the type of result of SciPy's functions."""

    def call(in1, in2, mode="full", boundary="fill", fillvalue=0, *, method="auto"):
        if method not in METHODS:
            raise ValueError(f"method: expected one of {', '.join(METHODS)}, got {method}")
        if axes is not None and (np.ndim(in1), np.ndim(in2)) != (axes, axes):
            raise ValueError(f"expected {axes} axes, got {np.ndim(in1)} and {np.ndim(in2)}")
        where = {"boundary": boundary, "fillvalue": fillvalue, **METHODS[method]}
        result = verb(in1, in2, mode, shots=None, **where)
        return of_type(result.image, np.result_type(np.asarray(in1), np.asarray(in2)))

    return call


VERBS = {
    "convolve": in_place(qconv.convolve),
    "convolve2d": in_place(qconv.convolve, axes=2),
    "correlate": in_place(qconv.correlate),
    "correlate2d": in_place(qconv.correlate, axes=2),
}


class InPlace:
    """Plugin of pytest that replaces the verbs in SciPy's tests, and collects the outcomes."""

    def __init__(self):
        self.outcomes, self.rounded, self.running = {}, set(), ""

    def pytest_collection_modifyitems(self, items):
        module = items[0].module
        theirs = module.signal
        module.signal = SimpleNamespace(**(vars(theirs) | VERBS))
        vars(module).update(VERBS)
        for item in items:
            given = item.callspec.params if hasattr(item, "callspec") else {}
            for name, value in given.items():
                ours = [v for verb, v in VERBS.items() if value is getattr(theirs, verb)]
                given[name] = ours[0] if ours else value

        for name in EQUAL & vars(module).keys():
            setattr(module, name, self.but_for_rounding(getattr(module, name)))

    def but_for_rounding(self, equal):
        """Return an assertion of equality that allows rounding errors."""

        def assertion(actual, desired, **how):
            wanted = np.asarray(desired)
            if wanted.dtype.kind in "fc" and np.shape(actual) == wanted.shape:
                errors = np.abs(actual - wanted)
                rounded = (errors > 0) & (errors <= 1e-14 * np.abs(wanted).max())
                if rounded.any():
                    self.rounded.add(self.running)
                    actual = np.where(rounded, wanted, actual).astype(actual.dtype)
            equal(actual, desired, **how)

        return assertion

    def pytest_runtest_setup(self, item):
        self.running = item.nodeid

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            name = report.nodeid.split("::", 1)[1]
            failure = "" if report.outcome == "passed" else str(report.longrepr)
            self.outcomes[name] = report.outcome, failure


def run(path):
    """Run SciPy's tests, and write their outcomes to a file."""
    place = Path(TESTS.origin).with_name("test_signaltools.py")
    root = str(place.parents[2])  # root of SciPy, with its fixtures
    plugin = InPlace()
    settings = ["-c", os.devnull, "--rootdir", root, "--confcutdir", root, "-p", "no:cacheprovider"]
    tests = [f"{place}::{name}" for name in CLASSES]
    pytest.main(["-q", "-m", "not slow", *settings, *tests], plugins=[plugin])
    found = {"outcomes": plugin.outcomes, "rounded": len(plugin.rounded)}
    Path(path).write_text(json.dumps(found), encoding="utf-8")


def reason(name):
    """Return why a test fails; empty if it is not expected to fail."""
    # Only old versions of SciPy test Decimal numbers.
    objects = "arrays of objects are rejected" if "Decimal" in name else ""
    return REASONS.get(name.split("[")[0], objects)


@pytest.mark.skipif(TESTS is None, reason="SciPy is installed without its tests")
def test_scipys_own(tmp_path):
    path = tmp_path / "outcomes.json"
    call = [sys.executable, "-m", "tests.benchmarks.test_scipy", path]
    process = subprocess.run(call, capture_output=True, text=True, check=False, cwd=ROOT)
    assert path.exists(), process.stdout + process.stderr
    found = json.loads(path.read_text(encoding="utf-8"))
    outcomes = found["outcomes"]
    print("\nclass                   passed  failed  skipped")
    for kind in CLASSES:
        of_class = [outcomes[name][0] for name in outcomes if name.startswith(f"{kind}::")]
        counts = map(of_class.count, ("passed", "failed", "skipped"))
        print(f"{kind:<24}" + "".join(f"{count:>6}  " for count in counts))
    passed = [name for name, (outcome, _) in outcomes.items() if outcome == "passed"]
    failed = [name for name, (outcome, _) in outcomes.items() if outcome == "failed"]
    print(f"{len(passed)} of {len(passed) + len(failed)} pass, {found['rounded']} of them to 1e-14")
    for name in failed:
        print(f"{name}: {reason(name)}")
    unexpected = [outcomes[name][1] for name in failed if not reason(name)]
    assert not unexpected, "\n\n".join(unexpected)
    assert not [name for name in passed if name.split("[")[0] in REASONS]
    assert len(passed) > 0.9 * (len(passed) + len(failed))


if __name__ == "__main__":
    run(sys.argv[1])
