"""Estimates of one number: intervals, sums, files and the table."""

import numpy as np
import pytest

import qconv

WHERE = {"method": qconv.Diffusion(), "shots": 4000}


def total(seed, **more):
    return qconv.estimate([1, 2, 3, 0], [1, 1], qconv.Mean(slice(1, 3)), seed=seed, **WHERE, **more)


def test_interval():
    estimate = total(1)
    low, high = estimate.interval(0.95)
    assert np.isclose(high - low, 2 * 1.959964 * estimate.stderr)
    with pytest.raises(ValueError, match="level"):
        estimate.interval(1)


@pytest.mark.parametrize("estimator", ["sampling", "amplitude", "schedule"])
def test_sums(estimator):
    one, two = (total(seed, estimator=estimator) for seed in (1, 2))
    both = one + two
    assert both.executions == one.executions + two.executions
    assert both.oracle_calls == one.oracle_calls + two.oracle_calls
    assert min(one.value, two.value) <= both.value <= max(one.value, two.value)
    assert both.stderr < min(one.stderr, two.stderr)


def test_different_numbers_cannot_be_added():
    other = qconv.estimate([1, 2, 3, 0], [1, 1], qconv.Total(), seed=2, **WHERE)
    with pytest.raises(ValueError, match="only results of the same"):
        total(1) + other
    with pytest.raises(ValueError, match="same seed"):
        total(1) + total(1)
    with pytest.raises(ValueError, match="estimator: expected"):
        total(1) + total(2, estimator="amplitude")
    with pytest.raises(TypeError):
        total(1) + 1


def test_files(tmp_path):
    estimate = total(1)
    estimate.save(tmp_path / "one.npz")
    again = qconv.Estimate.load(tmp_path / "one.npz")
    assert str(again) == str(estimate)
    assert (again.value, again.stderr) == (estimate.value, estimate.stderr)
    assert again.circuits[0].num_qubits == estimate.circuits[0].num_qubits
    assert (again + total(2)).oracle_calls == 8000
    (tmp_path / "other.npz").write_bytes(b"no")
    with pytest.raises(ValueError, match="is not a saved Estimate"):
        qconv.Estimate.load(tmp_path / "other.npz")


def test_table():
    table = str(total(1))
    assert "oracle calls      4,000" in table
    exact = qconv.estimate([1, 2], [1], qconv.Total(), method=qconv.Collapse(), shots=None)
    assert "0 (exact)" in str(exact)
