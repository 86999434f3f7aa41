"""Amplified success: the distribution of outcomes, the read-out, and the cost.

Statistical tests compare a mean of ``z**2`` over independent pixels and seeds with 1, within 6.5 of
its standard deviations (of a variance of 2, 3 allowed): a false alarm of 1e-9 or less for each of
the fewer than 30 comparisons, as for a bounded sum of this many.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error

import classical
import qconv
from qconv.circuits.amplification.preparation import RotationTree, tree_angles
from qconv.circuits.amplification.rounds import REFLECTION, Reflection
from qconv.circuits.registers import ROUND
from qconv.execution.outcomes.histogram import Histogram
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.simulate.probabilities import born_probabilities
from qconv.methods.whole_image.amplification import MOST_ROUNDS, Amplification, choose
from qconv.planning import cost
from tests.cases import BOUNDARIES, EDGE, close, random_integers

METHODS = [qconv.Fourier, qconv.Interference]
LAPLACIAN = qconv.named_kernel("laplacian")
ROW = [[1.0, -2.0, 1.0]]
WRAP = {"mode": "same", "boundary": "wrap"}
LINEAR = {"cells": 10**9, "signed": True, "read_out": "linear"}
OPTIONS = [
    {"amplify": 1},
    {"amplify": "auto"},
    {"amplify": 2, "read_out": "root"},
    {"amplify": "auto", "read_out": "root"},
    {"amplify": 0, "read_out": "root"},
    {"amplify": 2, "signed": False},
    {"amplify": "auto", "signed": False},
]


def made(plan):
    return plan.prepared._read_out.amplification


def predicted(image, kernel, method, calls, boundary):
    """Return predicted mean square error times calls, for about this many calls per pixel."""
    where = {"mode": "same", "boundary": boundary, "method": method}
    weights = qconv.named_kernel(kernel)
    each = max(
        (p.oracle_calls for p in qconv.plan(image, weights, **where).prepared.programs), default=1
    )
    shots = 100 * calls // each  # root read-outs depend on the shots
    stderr = qconv.plan(image, weights, shots=shots, **where).prepared.predict().stderr
    return np.mean(np.square(stderr)) * shots * each


def within(squares, variance=3.0):
    """Return whether a mean of ``z**2`` is 1, within 6.5 of its standard deviations."""
    return abs(np.mean(squares) - 1) < 6.5 * math.sqrt(variance / np.size(squares))


def smooth(side):
    """Return a picture of which a small fraction passes an edge filter."""
    y, x = np.mgrid[:side, :side] / side
    return 100 + 50 * np.sin(2 * np.pi * x) * np.cos(2 * np.pi * y) + 9.0 * (x > 0.6)


class TestExact:
    """Without shots, the result is the exact convolution, with the amplified circuit's scale."""

    @pytest.mark.parametrize("method", METHODS, ids=lambda m: m.__name__)
    @pytest.mark.parametrize("options", OPTIONS, ids=str)
    @pytest.mark.parametrize("boundary", BOUNDARIES)
    def test_small_pictures(self, method, options, boundary):
        image, kernel = random_integers((5, 4), 1), random_integers((3, 2), 2)
        expected = classical.convolve(image, kernel, mode="same", boundary=boundary)
        if not options.get("signed", True):
            expected = np.abs(expected)
        where = {"mode": "same", "boundary": boundary, "shots": None}
        result = qconv.convolve(image, kernel, method=method(**options), **where)
        close(result.image, expected)
        assert result.success_probability == pytest.approx(result.expected_success, abs=1e-9)
        assert not result.stderr.any()

    @settings(max_examples=25)
    @given(
        sides=st.lists(st.integers(1, 6), min_size=1, max_size=2),
        reach=st.integers(1, 3),
        boundary=st.sampled_from(BOUNDARIES),
        mode=st.sampled_from(["full", "same", "valid"]),
        rounds=st.integers(0, 9),
        root=st.booleans(),
        seed=st.integers(0, 99),
    )
    def test_any_shape(self, sides, reach, boundary, mode, rounds, root, seed):
        image = random_integers(tuple(sides), seed)
        kernel = random_integers((min(reach, *sides),) * len(sides), seed + 1)
        expected = classical.convolve(image, kernel, mode=mode, boundary=boundary)
        method = qconv.Fourier(amplify=rounds, read_out="root" if root else "linear")
        plan = qconv.plan(image, kernel, method=method, mode=mode, boundary=boundary, shots=None)
        if plan.prepared._vanishes:
            return
        grown = made(plan).success / made(plan).start
        if grown < 1e-4:  # nearly nothing is left after this number of rounds
            return
        assert np.abs(plan.run().image - expected).max() <= 1e-7 * np.abs(expected).max()

    def test_the_distribution_is_that_of_the_closed_form(self):
        """Basis states have ``(S sqrt(q) u +- S sqrt(1 - q) a)**2 / 2``, and the rest failed."""
        image = smooth(8)
        for rounds in (0, 1, 4, 11):
            method = qconv.Fourier(amplify=rounds, read_out="root")
            plan = qconv.plan(image, EDGE, method=method, shots=None, **WRAP)
            chosen, read = made(plan), plan.prepared._read_out
            (program,) = plan.prepared.programs
            probabilities = np.zeros(2**8)
            circuit = program.built()
            circuit.save_probabilities()
            probabilities = AerSimulator().run(circuit).result().data(0)["probabilities"]
            a = (read.filtered / read.factor).ravel()
            theta = math.asin(math.sqrt(chosen.start))
            growth = math.sin((2 * rounds + 1) * theta) / math.sin(theta)
            u = math.sqrt(chosen.weight) / 8
            image_part = math.sqrt(1 - chosen.weight) * a
            signed = np.concatenate([u + image_part, u - image_part])
            np.testing.assert_allclose(probabilities[:128], (growth * signed) ** 2 / 2, atol=1e-14)
            assert probabilities[128:].sum() == pytest.approx(1 - chosen.success, abs=1e-13)
            assert program.oracle_calls == 2 * rounds + 1

    def test_frequencies(self):
        image = smooth(8)
        transfer = 1 - classical.low_pass((8, 8), radius=2)
        expected = classical.filter_frequencies(image, transfer)
        result = qconv.filter_frequencies(
            image, transfer, method=qconv.Fourier(amplify="auto"), shots=None
        )
        close(result.image, expected)
        assert result.success_probability > 0.85
        plain = qconv.filter_frequencies(image, transfer, shots=None)
        assert plain.success_probability < 0.1


class TestPieces:
    """A large circuit is simulated round by round, with the same distribution as at once."""

    @pytest.mark.parametrize("method", METHODS, ids=lambda m: m.__name__)
    def test_same_distribution(self, method):
        image = np.random.default_rng(0).normal(size=(64, 64)) + 1
        plan = qconv.plan(image, EDGE, method=method(amplify=2), shots=None, **WRAP)
        (program,) = plan.prepared.programs
        boxed = program.built()
        assert [item.name for item in boxed].count(ROUND) == 2
        probabilities = born_probabilities(boxed, None, measured=program.measured)
        assert "save_statevector" not in boxed.count_ops()
        flat = boxed.decompose(ROUND).decompose(REFLECTION)
        assert flat.num_qubits == boxed.num_qubits
        flat.save_probabilities(flat.qubits[: program.measured])
        whole = AerSimulator().run(flat).result().data(0)["probabilities"]
        np.testing.assert_allclose(probabilities, whole, atol=1e-13)
        close(plan.run().image, classical.convolve(image, EDGE, **WRAP))

    def test_reflection(self):
        """The reflection equals the gates of its definition, on a random state."""
        rng = np.random.default_rng(4)
        state = rng.normal(size=(64, 2)) @ [1, 1j]
        state /= np.linalg.norm(state)
        amplitudes = rng.normal(size=16)
        reflection = Reflection(amplitudes, 6)
        expected = Statevector(state).evolve(reflection.definition).data
        reflection.reflect(state)
        np.testing.assert_allclose(state, expected, atol=1e-14)
        assert np.abs(state[16:]).min() > 0


class TestPreparation:
    def test_tree(self):
        """The tree maps ones to the amplitudes, and its inverse maps them back to ones."""
        amplitudes = np.random.default_rng(3).normal(size=16)
        amplitudes[[2, 3, 9]] = 0
        amplitudes /= np.linalg.norm(amplitudes)
        circuit = QuantumCircuit(4)
        circuit.x(range(4))
        tree = RotationTree(amplitudes, circuit.qubits)
        tree.append(circuit)
        np.testing.assert_allclose(Statevector(circuit).data, amplitudes, atol=1e-14)
        tree.undo(circuit)
        assert abs(Statevector(circuit).data[-1]) == pytest.approx(1)

    def test_angles(self):
        (root, leaves) = tree_angles(np.array([3.0, 4.0, 0.0, -5.0]))
        np.testing.assert_allclose(root, [math.pi / 4])
        np.testing.assert_allclose(leaves, [math.atan2(4, 3), -math.pi / 2])


class TestShots:
    @pytest.mark.slow
    @pytest.mark.parametrize("method", METHODS, ids=lambda m: m.__name__)
    @pytest.mark.parametrize("options", OPTIONS, ids=str)
    def test_standard_errors(self, method, options):
        """A picture with few flat parts, whose counts are large; and the prediction."""
        image = np.random.default_rng(5).normal(size=(16, 16)) + 3
        expected = classical.convolve(image, EDGE, **WRAP)
        if not options.get("signed", True):
            expected = np.abs(expected)
        squares = []
        plan = qconv.plan(image, EDGE, method=method(**options), shots=1000, seed=1, **WRAP)
        for seed in range(6):
            how = {"method": method(**options), "shots": 1000, "seed": seed}
            result = qconv.convolve(image, EDGE, **how, **WRAP)
            squares.append(((result.image - expected) / result.stderr) ** 2)
        assert within(squares)
        stated = math.sqrt(np.mean(result.stderr**2))
        assert plan.cost.rmse == pytest.approx(stated, rel=0.03)
        calls = made(plan).oracle_calls
        assert plan.cost.oracle_calls == result.oracle_calls == calls * 1000 * 256
        spread = abs(result.success_probability - plan.cost.expected_success)
        assert spread < 6.5 * result.success_stderr

    @pytest.mark.slow
    @pytest.mark.parametrize("rounds", [2, 3, 5, 8])
    def test_past_a_quarter_turn(self, rounds):
        """The angle is unfolded: too many rounds cost executions, but cause no error."""
        image = np.random.default_rng(6).normal(size=8) + 1
        kernel = [1, -3, 1.0]
        expected = classical.convolve(image, kernel, **WRAP)
        method = qconv.Fourier(amplify=rounds, signed=False)
        plan = qconv.plan(image, kernel, method=method, shots=None, **WRAP)
        assert made(plan).turned > math.pi / 2
        squares = []
        for seed in range(40):
            how = {"method": method, "shots": 20_000, "seed": seed}
            result = qconv.convolve(image, kernel, **how, **WRAP)
            squares.append(((result.image - np.abs(expected)) / result.stderr) ** 2)
        assert within(squares)

    @pytest.mark.slow
    @pytest.mark.parametrize("shots", [3, 10, 30, 100])
    @pytest.mark.parametrize("read_out", ["linear", "root"])
    def test_few_shots(self, shots, read_out):
        """For all counts, no standard error is far too small."""
        image = smooth(32) + np.random.default_rng(0).normal(scale=9, size=(32, 32))
        expected = classical.convolve(image, EDGE, **WRAP)
        squares = []
        method = qconv.Fourier(amplify="auto", read_out=read_out)
        for seed in range(4):
            result = qconv.convolve(image, EDGE, method=method, shots=shots, seed=seed, **WRAP)
            squares.append(((result.image - expected) / result.stderr) ** 2)
        assert np.mean(squares) < 1.15
        assert np.mean(squares) > 0.4

    @pytest.mark.slow
    def test_gain(self):
        """At equal oracle calls, by predicted and by measured errors."""
        image = smooth(32) + np.random.default_rng(0).normal(scale=9, size=(32, 32))
        expected = classical.convolve(image, LAPLACIAN, **WRAP)
        errors = {}
        for options in ({}, {"amplify": "auto"}, {"amplify": "auto", "read_out": "root"}):
            method = qconv.Fourier(**options)
            plan = qconv.plan(image, LAPLACIAN, method=method, shots=2000, seed=1, **WRAP)
            result = plan.run()
            error = np.mean((result.image - expected) ** 2) * result.oracle_calls
            assert error == pytest.approx(plan.cost.rmse**2 * plan.cost.oracle_calls, rel=0.15)
            errors[options.get("read_out", str(options.get("amplify")))] = error
        assert errors["None"] > 5 * errors["auto"] > 9 * errors["root"]

    def test_sums(self, tmp_path):
        image = smooth(16)
        parts = [
            qconv.convolve(
                image, EDGE, method=qconv.Fourier(amplify=a), shots=500, seed=seed, **WRAP
            )
            for seed, a in enumerate((0, 1, "auto"))
        ]
        total = sum(parts)
        assert total.oracle_calls == sum(part.oracle_calls for part in parts)
        total.save(tmp_path / "total.npz")
        loaded = qconv.Convolution.load(tmp_path / "total.npz")
        assert np.array_equal(loaded.image, total.image)
        root = qconv.Fourier(amplify=1, read_out="root")
        with pytest.raises(ValueError, match="only results of the same"):
            parts[0] + qconv.convolve(image, EDGE, method=root, shots=500, seed=9, **WRAP)

    def test_magnitudes_add_up(self):
        image = smooth(16)
        method = qconv.Fourier(amplify="auto", signed=False)
        one, two = (
            qconv.convolve(image, EDGE, method=method, shots=5000, seed=s, **WRAP) for s in (1, 2)
        )
        both = one + two
        np.testing.assert_allclose(
            both.image, both.diagnostics.unit * np.sqrt(both.diagnostics.counts)
        )
        assert within(
            ((both.image - np.abs(classical.convolve(image, EDGE, **WRAP))) / both.stderr) ** 2
        )


class TestElsewhere:
    @pytest.mark.slow
    @pytest.mark.parametrize("method", METHODS, ids=lambda m: m.__name__)
    def test_counted(self, method):
        """A backend that counts shots, and counts that are decoded later."""
        image = np.random.default_rng(7).normal(size=(4, 4)) + 2
        expected = classical.convolve(image, LAPLACIAN, **WRAP)
        squares = []
        for read_out in ("linear", "root"):
            amplified = method(amplify="auto", read_out=read_out)
            for seed in range(3):
                plan = qconv.plan(
                    image,
                    LAPLACIAN,
                    method=amplified,
                    shots=3000,
                    backend=AerSimulator(seed_simulator=seed),
                    seed=seed,
                    **WRAP,
                )
                result = plan.run()
                squares.append(((result.image - expected) / result.stderr) ** 2)
                (circuit,) = plan.circuits
                counts = (
                    AerSimulator(seed_simulator=seed + 50)
                    .run(circuit, shots=plan.executions[0])
                    .result()
                    .get_counts()
                )
                decoded = plan.decode([counts])
                assert decoded.oracle_calls == result.oracle_calls
                squares.append(((decoded.image - expected) / decoded.stderr) ** 2)
        assert within(squares)

    @pytest.mark.parametrize("scheme", ["overlap-add", "overlap-save"])
    def test_blocks(self, scheme):
        """Each block has its own number of rounds."""
        image = smooth(20)
        image[:10] = 90 * np.random.default_rng(1).random((10, 20))
        blocks = qconv.Blocks(qconv.Fourier(amplify="auto"), scheme, qubits=9)
        exact = qconv.convolve(image, EDGE, method=blocks, shots=None, mode="same")
        expected = classical.convolve(image, EDGE, mode="same")
        close(exact.image, expected)
        plan = qconv.plan(image, EDGE, method=blocks, shots=3000, seed=1, mode="same")
        result = plan.run()
        assert within(((result.image - expected) / result.stderr) ** 2)
        assert result.oracle_calls == plan.cost.oracle_calls
        assert len({program.oracle_calls for program in plan.prepared.programs}) > 1

    def test_gates_of_a_device(self):
        """Circuits without simulator instructions have the same outcomes; rounds are counted."""
        image = np.random.default_rng(2).normal(size=(2, 4)) + 2
        noisy = NoiseModel()
        noisy.add_all_qubit_quantum_error(depolarizing_error(1e-9, 1), ["x"])
        expected = classical.convolve(image, ROW, **WRAP)
        for method in METHODS:
            amplified = method(amplify=1)
            where = {"method": amplified, "shots": None, **WRAP}
            result = qconv.convolve(image, ROW, backend=AerSimulator(noise_model=noisy), **where)
            close(result.image, expected, rtol=1e-5)
            close(result.bias, result.image - expected, rtol=1e-6)
            plain = qconv.plan(image, ROW, method=method(), **WRAP).cost
            more = qconv.plan(image, ROW, method=amplified, **WRAP).cost
            assert more.two_qubit_gates > 2 * plain.two_qubit_gates
            assert more.oracle_calls == 3 * plain.oracle_calls

    @pytest.mark.parametrize("method", METHODS)
    def test_gates_of_many_rounds(self, method, monkeypatch):
        """The gates that are computed from few rounds equal the count of all rounds."""
        image = np.random.default_rng(3).normal(size=8) + 2
        plan = qconv.plan(image, ROW[0], method=method(amplify=11), **WRAP)
        few = plan.cost
        monkeypatch.setattr(cost, "_MANY_STEPS", 100)
        every = replace(plan).cost
        assert 20 < every.filter_gates < every.two_qubit_gates
        for name in ("two_qubit_gates", "two_qubit_depth", "filter_gates", "filter_depth"):
            assert getattr(few, name) == getattr(every, name)

    def test_readout_errors_are_corrected(self):
        """With the linear read-out, errors are as large as stated."""
        image = np.random.default_rng(8).normal(size=8) + 2
        kernel = [1, -3, 1.0]
        noise = NoiseModel()
        noise.add_all_qubit_readout_error(ReadoutError([[0.97, 0.03], [0.05, 0.95]]))
        expected = classical.convolve(image, kernel, **WRAP)
        squares = []
        for seed in range(6):
            result = qconv.convolve(
                image,
                kernel,
                method=qconv.Fourier(amplify=1),
                shots=20_000,
                seed=seed,
                backend=AerSimulator(noise_model=noise),
                mitigation="readout",
                **WRAP,
            )
            squares.append(((result.image - expected) / result.stderr) ** 2)
        assert 0.5 < np.mean(squares) < 1.6
        with pytest.raises(ValueError, match="mitigation"):
            qconv.convolve(
                image,
                kernel,
                method=qconv.Fourier(amplify=1, read_out="root"),
                shots=10,
                backend=AerSimulator(noise_model=noise),
                mitigation="readout",
                **WRAP,
            )


class TestChoice:
    @pytest.mark.parametrize("passing", [1e-3, 2e-3, 5.5e-3, 0.02, 0.1, 0.3, 0.8, 1.0])
    def test_no_choice_is_cheaper(self, passing):
        """Among all rounds and weights, the choice costs at most 3 % more, for a success of 0.9."""
        chosen = choose(passing, "auto", seen=passing, shots=math.inf, **LINEAR)
        q = np.linspace(1e-4, 0.9, 4001)
        for rounds in range(MOST_ROUNDS + 1):
            s = q + (1 - q) * passing
            success = np.sin((2 * rounds + 1) * np.arcsin(np.sqrt(np.minimum(s, 1)))) ** 2
            cost = (2 * rounds + 1) * s**2 / (4 * success * q * (1 - q))
            mine = chosen.oracle_calls * chosen.start**2 / chosen.success
            mine /= 4 * chosen.weight * (1 - chosen.weight)
            assert mine <= 1.035 * cost.min()
        if passing < 0.01:
            assert chosen.success >= 0.9

    @pytest.mark.parametrize("wrong", [0.5, 1.5])
    def test_only_roughly(self, wrong):
        """If ``p`` is off by a factor of 0.5 or 1.5, most of the success probability remains."""
        for passing in (0.002, 0.005):
            chosen = choose(wrong * passing, "auto", seen=wrong * passing, shots=1e9, **LINEAR)
            real = Amplification(chosen.rounds, chosen.weight, passing)
            assert real.success > 0.75

    def test_nothing_passes(self):
        chosen = choose(0.0, "auto", seen=0.0, shots=1e9, **LINEAR)
        assert chosen.rounds <= MOST_ROUNDS
        with pytest.warns(RuntimeWarning, match="success probability is 0"):
            result = qconv.convolve(
                np.full((4, 4), 7.0), EDGE, method=qconv.Fourier(amplify="auto"), shots=10, **WRAP
            )
        assert not result.image.any()
        assert result.circuits == ()

    @pytest.mark.parametrize("boundary", ["symm", "fill", "wrap"])
    @pytest.mark.parametrize("kernel", ["gaussian", "box", "edge", "sharpen", "sobel-x"])
    def test_never_worse_than_without(self, kernel, boundary):
        """Predicted mean square error at equal oracle calls, for bright, dark and flat margins."""
        rng = np.random.default_rng(5)
        spot = np.eye(1, 400, 7).reshape(20, 20)
        for image in (smooth(20), rng.random((16, 16)), spot, rng.random((3, 5)), 0 * spot + 5):
            for method in METHODS:
                for options in ({}, {"signed": False}, {"read_out": "root"}):
                    for calls in (30, 10_000):
                        plain, auto = (
                            predicted(image, kernel, method(amplify=m, **options), calls, boundary)
                            for m in (0, "auto")
                        )
                        assert auto <= 1.001 * plain  # executions are integers

    @pytest.mark.parametrize(
        ("method", "kernel"),
        [(qconv.Fourier, "gaussian"), (qconv.Interference, "box"), (qconv.Fourier, "edge")],
        ids=str,
    )
    def test_never_measured_worse(self, method, kernel):
        """The results in the margins are not read.

        The mean square error of 1,024 pixels with about equal variance has a deviation of 4.4 %,
        its mean over 4 seeds one of 2.2 %. The ratio of two such means differs from 1 by at most
        six standard deviations, which are 19 %.
        """
        image, weights = np.random.default_rng(5).random((32, 32)), qconv.named_kernel(kernel)
        where = {"mode": "same", "boundary": "symm"}
        exact = classical.convolve(image, weights, **where)
        found = []
        for amplify in (0, "auto"):
            plan = qconv.plan(image, weights, method=method(amplify=amplify), shots=1, **where)
            calls = 2 * made(plan).rounds + 1
            errors = [
                qconv.convolve(
                    image,
                    weights,
                    method=method(amplify=amplify),
                    shots=300 // calls,
                    seed=seed,
                    **where,
                ).image
                - exact
                for seed in range(4)
            ]
            found.append(np.mean(np.square(errors)))
        assert found[1] < 1.19 * found[0]

    def test_everything_passes(self):
        """A filter of phases needs neither a flag nor rounds."""
        for method, rounds in ((qconv.Fourier, 0), (qconv.Interference, 3)):
            plan = qconv.plan([3.0, 1, 2, 5], [2.0], method=method(amplify=3), shots=None)
            assert made(plan).rounds == rounds
            close(plan.run().image, np.array([6.0, 2, 4, 10]))

    @pytest.mark.parametrize("method", METHODS, ids=lambda m: m.__name__)
    def test_refused(self, method):
        with pytest.raises(ValueError, match="amplify"):
            method(amplify=-1)
        with pytest.raises(ValueError, match="amplify"):
            method(amplify="best")
        with pytest.raises(TypeError, match="amplify"):
            method(amplify=1.5)
        with pytest.raises(ValueError, match="read_out"):
            method(read_out="best")
        with pytest.raises(ValueError, match="read_out"):
            method(read_out="root", signed=False)


def test_results_are_saved_with_their_rounds(tmp_path):
    """Rounds on 4,096 amplitudes or more contain arrays, which Qiskit's format cannot store."""
    image = np.random.default_rng(11).random((64, 64))
    method = qconv.Fourier(amplify=1)
    result = qconv.convolve(image, EDGE, method=method, shots=5, seed=1, boundary="wrap")
    result.save(tmp_path / "kept.npz")
    again = qconv.Convolution.load(tmp_path / "kept.npz")
    assert again.image.tobytes() == result.image.tobytes()
    names = [item.name for item in result.circuits[0]]
    assert "amplification_round" in names
    assert [item.name for item in again.circuits[0]] == names
    probabilities, loaded = (
        born_probabilities(found.circuits[0].remove_final_measurements(inplace=False))
        for found in (result, again)
    )
    # Not bit-identical: loading a preparation normalises its amplitudes again.
    np.testing.assert_allclose(loaded, probabilities, rtol=0, atol=1e-15)
    more = qconv.convolve(image, EDGE, method=method, shots=5, seed=2, boundary="wrap")
    assert len((again + more).circuits) == 1


@pytest.mark.parametrize(
    "method",
    [
        qconv.Diffusion(),
        *(method(amplify=rounds) for method in METHODS for rounds in (0, 1, 2)),
        *(method(amplify=rounds, read_out="root") for method in METHODS for rounds in (0, 1)),
        *(method(amplify=rounds, signed=False) for method in METHODS for rounds in (1, 2)),
    ],
    ids=str,
)
def test_standard_errors_of_many_shots_are_propagated(method):
    """Compared with numerical derivatives and the covariance of multinomial counts.

    There are few basis states, so that their fixed total, which is random too, matters.
    """
    rng = np.random.default_rng(4)
    image, kernel = rng.random((2, 4)) + 0.2, rng.random((1, 2)) + 0.1
    plan = qconv.plan(image, kernel, method=method, shots=100, seed=1, **WRAP)
    (program,) = plan.prepared.programs
    circuit = program.circuit()
    bits = program.measurement(circuit)
    probabilities = born_probabilities(
        circuit.remove_final_measurements(inplace=False), measured=bits
    )
    counts = np.rint(10.0**12 * probabilities).astype(np.int64)

    def decoded(counts):
        histogram = Histogram(np.arange(2**bits), counts)
        return plan.prepared.decode(iter([Outcomes(program, histograms=(histogram,))]))

    seen, slopes = np.flatnonzero(counts > 1000), []
    for outcome in seen:
        step = np.zeros_like(counts)
        step[outcome] = max(1, counts[outcome] // 10**4)
        change = decoded(counts + step).image - decoded(counts - step).image
        slopes.append(change.ravel() / (2 * step[outcome]))
    p, by_count = counts[seen] / counts.sum(), np.transpose(slopes)
    covariance = counts.sum() * (np.diag(p) - np.outer(p, p))
    expected = np.einsum("xi,ij,xj->x", by_count, covariance, by_count)
    result = decoded(counts)
    np.testing.assert_allclose(result.stderr.ravel() ** 2, expected, rtol=1e-6)
    close(result.image, classical.convolve(image, kernel, **WRAP), 1e-4)


@pytest.mark.parametrize("amplify", [1, 3])
@pytest.mark.parametrize("read_out", ["linear", "root"])
def test_predicted_errors_contain_that_of_the_scale(amplify, read_out):
    """Two pixels have the whole result, so the scale's error is a large part of their errors."""
    image = np.array([[1.0, 1, 1, 9, 1, 1, 1, 1]])
    how = {"method": qconv.Fourier(amplify=amplify, read_out=read_out), "mode": "same"}
    how |= {"boundary": "wrap", "shots": 10**6, "seed": 1}
    kernel = [[1.0, -1.0]]
    predicted = qconv.plan(image, kernel, **how).prepared.predict().stderr
    stated = qconv.convolve(image, kernel, **how).stderr
    np.testing.assert_allclose(predicted, stated, rtol=0.02)
