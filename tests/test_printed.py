"""Quoted output must equal the printed output, except for rounding."""

import doctest

import pytest

from tests.printed import OutputChecker, same_output

SAME = [
    ("0.3", "0.3"),
    ("rmse 0.30000000000000004\n", "rmse  0.3\n"),
    ("difference 2.2e-16", "difference 0.0"),
    ("difference 2.2e-16", "difference -4.44e-16"),
    ("[1.5, -2.25]", "[1.5, -2.25]"),
    ("array([0.371, 0.629])", "array([0.371, 0.6290000000000001])"),
    ("took ... s, 3 of 4", "took 12.5 s, 3 of 4"),
    ("error 0.1..., 3 of 4", "error 0.108, 3 of 4"),
    ("6,7... executions", "6,758,063 executions"),
    ("array([1., 4.])", "array([1., 4.])"),
    ("1,024 shots of 3x3, 95 %", "1,024 shots of 3x3, 95 %"),
]
DIFFERENT = [
    ("0.3", "0.4"),
    ("0.94", "0.95"),
    ("rmse 0.300001", "rmse 0.3"),
    ("difference 2.2e-9", "difference 4.4e-9"),
    ("12 pixels", "13 pixels"),
    ("1000000000000 shots", "1000000000001 shots"),
    ("-1.5", "1.5"),
    ("1.5", "nan"),
    ("of 3x3", "of 3x5"),
    ("one 1.0", "two 1.0"),
    ("error 0.1..., 3 of 4", "error 0.208, 3 of 4"),
    ("1.0 2.0", "1.0"),
    ("1.0", "1.0 2.0"),
]


@pytest.mark.parametrize(("shown", "printed"), SAME)
def test_the_same(shown, printed):
    assert same_output(shown, printed)
    assert OutputChecker().check_output(shown + "\n", printed + "\n", doctest.NORMALIZE_WHITESPACE)


@pytest.mark.parametrize(("shown", "printed"), DIFFERENT)
def test_different(shown, printed):
    assert not same_output(shown, printed)
    assert not OutputChecker().check_output(shown + "\n", printed + "\n", 0)
