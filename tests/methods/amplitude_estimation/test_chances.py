"""Predicted errors of large images, of which only some blocks are simulated."""

from bisect import bisect_left

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qconv
from qconv.methods.amplitude_estimation import chances, schedule
from qconv.methods.amplitude_estimation.method import _first
from tests.methods.amplitude_estimation.test_schedule import photograph

WRAP = {"mode": "same", "boundary": "wrap"}


@given(st.integers(0, 70), st.integers(0, 70), st.integers(0, 70))
def test_the_search_from_a_guess_finds_what_bisection_finds(number, right, guess):
    right, guess = min(right, number), min(guess, number)
    tried = []
    found = _first(number, lambda index: tried.append(index) or index >= right, guess)
    assert found == right == bisect_left(range(number), True, key=lambda i: i >= right)
    assert all(0 <= index < number for index in tried)
    if guess == right:
        assert len(tried) <= 2


@pytest.fixture
def blocks(monkeypatch):
    """A photograph of 64 x 64 pixels in 16 blocks or more."""
    monkeypatch.setattr("qconv.methods.amplitude_estimation.method._MOST_QUBITS", 13)
    schedule._simulated.cache_clear()
    return qconv.plan(
        photograph("camera"),
        qconv.named_kernel("gaussian"),
        method=qconv.AmplitudeEstimation(),
        shots=200,
        **WRAP,
    )


@pytest.mark.slow
def test_four_blocks_stand_for_all(blocks, monkeypatch):
    """Errors that are predicted from four blocks and from all blocks differ by less than 8 %."""
    assert len(blocks.prepared.blocks) >= 16
    assert len(blocks.prepared.chances.examples) == 4
    some = blocks.prepared.predict().stderr
    monkeypatch.setattr(chances, "_EXAMPLES", 10**6)
    again = blocks.method.prepare(blocks)
    assert len(again.chances.examples) == len(again.blocks)
    every = again.predict().stderr
    assert np.sqrt(np.mean(some**2)) == pytest.approx(np.sqrt(np.mean(every**2)), rel=0.08)


@pytest.mark.slow
def test_no_simulation_is_repeated(blocks, monkeypatch):
    """Each schedule costs one simulation per example, however many blocks there are."""
    simulated = []
    real = schedule.posterior_mean
    monkeypatch.setattr(
        schedule, "posterior_mean", lambda *a, **k: simulated.append(0) or real(*a, **k)
    )
    for _ in range(2):
        blocks.method.prepare(blocks).predict()
    assert len(simulated) == 4
    qconv.plan(
        blocks.image,
        qconv.named_kernel("gaussian"),
        method=blocks.method,
        tolerance=float(blocks.prepared.predict().stderr.max()),
        **WRAP,
    )
    assert len(simulated) <= 4 * 7
