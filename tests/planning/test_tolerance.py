"""Tolerances: predictions, rounds that add shots, and stated shortfalls.

False-alarm rates are written beside the bounds.
"""

import json
import math
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error
from qiskit_aer.primitives import SamplerV2

import classical
import qconv
from qconv.execution.checkpoint import checkpoint
from qconv.execution.device.expected import expected_readout
from qconv.execution.options import Sampling
from qconv.execution.run import run
from qconv.execution.simulate.probabilities import born_probabilities
from qconv.layer.functional import laid_out
from qconv.methods.options import check_options
from qconv.planning import running
from qconv.result.tolerance import Shortfall, Tolerance

BASELINE = qconv.Collapse(baseline=True)
NOISE = NoiseModel()
NOISE.add_all_qubit_readout_error(ReadoutError([[0.96, 0.04], [0.06, 0.94]]))
NOISY = AerSimulator(noise_model=NOISE, basis_gates=["rz", "sx", "x", "cx"])
DAMPING = NoiseModel()
DAMPING.add_all_qubit_quantum_error(depolarizing_error(0.01, 2), ["cx"])
DAMPED = AerSimulator(noise_model=DAMPING, basis_gates=["rz", "sx", "x", "cx"])
PROFILE = np.array([3.0, 9, 4, 1, 7, 2, 6, 8])

#: Methods on one axis; their circuits are small enough for exact noisy probabilities.
CORRECTED = [
    qconv.Collapse(),
    BASELINE,
    qconv.Collapse(shared=True),
    qconv.Diffusion(),
    qconv.Diffusion(steps=2),
    qconv.Interference(),
    qconv.Fourier(),
    qconv.Fourier(amplify=1),
    qconv.Blocks(qconv.Diffusion(), "overlap-save", qubits=5),
    qconv.Blocks(qconv.Fourier(), "overlap-add", qubits=5),
]


def measured_counts(plan, seed):
    """Draw counts of a plan's circuits, with the readout errors that the plan corrects."""
    rng, found = np.random.default_rng(seed), []
    for program in plan.prepared.programs:
        circuit = program.built()
        bits = program.measurement(circuit)
        readout = plan.sampling.mitigation.given(None, bits)
        p = readout.read(born_probabilities(circuit, None, measured=bits))
        drawn = rng.multinomial(program.executions, p / p.sum())
        found.append({int(i): int(drawn[i]) for i in np.flatnonzero(drawn)})
    return found


class TestReadoutMitigation:
    """The variance that the correction of readout errors adds is known in advance."""

    @pytest.mark.parametrize("method", CORRECTED, ids=str)
    def test_predicted(self, method):
        """With a million shots, standard errors from counts are accurate to 1 %.

        Without the variance of the correction, predictions would be at least 7 % too small. Failed
        shots have random positions.
        """
        errors = [(0.03 + 0.002 * bit, 0.06 - 0.003 * bit) for bit in range(12)]
        mitigation = qconv.ReadoutMitigation(errors=errors)
        how = {"method": method, "shots": 10**5, "seed": 1, "mode": "same"}
        plan = qconv.plan(PROFILE, [1, -3, 1], mitigation=mitigation, **how)
        expected = plan.prepared.predict().stderr
        found = plan.decode(measured_counts(plan, 3)).stderr
        np.testing.assert_allclose(found, expected, rtol=0.06)
        assert abs(np.mean(found / expected) - 1) < 0.02
        without = qconv.plan(PROFILE, [1, -3, 1], **how).prepared.predict().stderr
        assert np.mean(found / without) > 1.07

    @pytest.mark.parametrize("method", CORRECTED, ids=str)
    def test_tolerance(self, method):
        """The first round suffices, except for fluctuations and bits measured inverted."""
        where = {"method": method, "mode": "same", "seed": 1, "backend": NOISY}
        how = where | {"mitigation": qconv.ReadoutMitigation(shots=10**7), "tolerance": 0.5}
        plan = qconv.plan(PROFILE, [1, -3, 1], **how)
        result = plan.run()
        assert result.shortfall is None or result.shortfall.factor < 1.2
        assert Tolerance(0.5, False).reached(result.stderr)
        first = plan.shots if plan.each is None else plan.each.mean()
        assert np.mean(result.shots) < 1.25 * first

    def test_errors_by_qubit(self):
        """The qubits are not known in advance, so the mean over all qubits is expected."""
        how = {"method": qconv.Collapse(), "mode": "same", "backend": NOISY, "shots": 100}
        given = dict.fromkeys(range(5), (0.04, 0.06))
        by_qubit = qconv.ReadoutMitigation(errors=given)
        one = qconv.plan(PROFILE, [1, -3, 1], mitigation=by_qubit, **how)
        two = qconv.plan(PROFILE, [1, -3, 1], mitigation="readout", **how)
        np.testing.assert_allclose(
            one.prepared.predict().stderr, two.prepared.predict().stderr, rtol=1e-9
        )

    def test_reported_by_a_target(self):
        """Fake devices report the readout errors of their qubits."""
        backend = GenericBackendV2(4, seed=1)
        rates = [part.error for part in backend.target["measure"].values()]
        sampling = Sampling.checked(backend, 1, mitigation="readout")
        errors = expected_readout(sampling, 3).errors
        np.testing.assert_allclose(errors, np.mean(rates))
        assert errors.shape == (3, 2)
        assert expected_readout(Sampling.checked(backend, 1), 3) is None
        plain = Sampling.checked(AerSimulator(), 1, mitigation="readout")
        assert expected_readout(plain, 3) is None


class TestFurtherRounds:
    """Missing shots are added, within a limit; the remaining shortfall is stated."""

    #: A picture in which ambiguous pixels exceed their predicted error.
    HOW: ClassVar = {
        "method": qconv.AmplitudeEstimation(),
        "tolerance": 0.35,
        "seed": 1,
        "mode": "same",
    }
    IMAGE = np.random.default_rng(2).random((6, 6)) * 10

    def test_estimation(self):
        kernel = [[1, 2, 1]]
        plan = qconv.plan(self.IMAGE, kernel, **self.HOW)
        first = plan.prepared.decode(run(plan.prepared.programs, plan.sampling))
        assert first.shortfall.fraction > 0.02
        assert first.shortfall.factor > 1.2
        assert first.shortfall.pixels == np.sum(first.stderr > 0.35)
        result = plan.run()
        assert Tolerance(0.35, False).reached(result.stderr)
        assert first.shots < result.shots <= 8 * first.shots
        again = plan.run()
        assert again.image.tobytes() == result.image.tobytes()
        exact = classical.convolve(self.IMAGE, kernel, mode="same")
        reliable = result.diagnostics.reliable
        z2 = np.square((result.image - exact) / result.stderr)[reliable]
        assert z2.mean() < 1 + 6 * z2.std() / math.sqrt(z2.size)  # a false alarm in 10**9

    def test_interrupted_in_a_further_round(self, tmp_path, monkeypatch):
        """A resumed call repeats no round, and is bit-identical to an uninterrupted call."""
        image, path = np.random.default_rng(6).random((6, 6)) + 0.1, tmp_path / "kept.npz"
        method = qconv.Blocks(qconv.Diffusion(), "overlap-save", qubits=7)
        how = {"method": method, "tolerance": 0.05, "mode": "same", "seed": 0}
        plan = qconv.plan(image, np.ones((2, 2)) / 4, **how)
        plain = plan.run()
        assert plain.total_shots > sum(plan.executions)
        monkeypatch.setattr(checkpoint, "LEAST_INTERVAL", 0.0)
        rounds = []
        measure = running.run

        def stopped(programs, sampling, **how):
            rounds.append(sampling.seed.spawn_key)
            found = measure(programs, sampling, **how)
            if len(rounds) == 2:
                yield next(found)
                raise KeyboardInterrupt
            yield from found

        monkeypatch.setattr(running, "run", stopped)
        with pytest.raises(KeyboardInterrupt):
            plan.run(checkpoint=path)
        assert len(set(rounds)) == 2
        with np.load(path) as kept:
            keys = {key for key, *_ in json.loads(str(kept["checkpoint"]))["records"]}
        monkeypatch.undo()
        assert len(keys) == len(plan.circuits) + 1
        result = plan.run(checkpoint=path)
        assert result.image.tobytes() == plain.image.tobytes()
        assert result.stderr.tobytes() == plain.stderr.tobytes()
        assert result.streams == plain.streams

    @pytest.mark.parametrize("sampler", [False, True])
    def test_on_a_backend_that_counts(self, sampler, tmp_path):
        """The random streams of all rounds are recorded, and not mistaken for repetitions."""
        backend = SamplerV2()
        if not sampler:
            backend = AerSimulator(method="matrix_product_state", noise_model=NOISE)
        how = {"mode": "same", "seed": 1, "backend": backend, "tolerance": 1.2}
        method = qconv.Diffusion()
        path = tmp_path / "kept.npz"
        result = qconv.convolve(PROFILE, [1, -3, 1], method=method, checkpoint=path, **how)
        assert Tolerance(1.2, False).reached(result.stderr)

    @pytest.mark.parametrize("blocks", [False, True])
    def test_amplified_counts_are_added(self, blocks):
        """A round with few shots keeps the reference of the first round.

        The sum can therefore be estimated again from all counts.
        """
        method = qconv.Fourier(amplify="auto", read_out="root")
        image = np.random.default_rng(3).random((16, 16))
        if blocks:
            method = qconv.Blocks(method, "overlap-save", qubits=9)
        how = {"method": method, "mode": "same", "seed": 1}
        plan = qconv.plan(image, [[1, -2, 1]], tolerance=0.05, **how)
        result = plan.prepared.decode(run(plan.prepared.programs, plan.sampling))
        worse = replace(result, stderr=result.stderr * 0.055 / result.stderr.max())
        more = plan.prepared.lacking(worse, 0)
        assert more.plan.total < 0.3 * plan.total
        added = result + more.decode(run(more.programs, more.sampling))
        assert added.diagnostics is not None
        alone = replace(more.plan, growth=1.0).prepared
        other = alone.decode(run(alone.programs, alone.sampling)).diagnostics.readings
        assert other[0].amplification != added.diagnostics.readings[0].amplification

    def test_only_lacking_pixels_of_collapse(self):
        how = {"method": qconv.Collapse(), "mode": "same", "seed": 1, "tolerance": 0.5}
        plan = qconv.plan(PROFILE, [1, -3, 1], **how)
        result = plan.run()
        assert plan.prepared.lacking(result, 0) is None
        stderr = result.stderr * np.where(np.arange(8) == 3, 1.3, 1.0)
        more = plan.prepared.lacking(replace(result, stderr=stderr), 0).plan
        assert np.flatnonzero(more.each).tolist() == [3]
        assert abs(more.each[3] / result.shots[3] - ((1.3 / 0.99) ** 2 - 1)) < 0.01
        assert more.sampling.seed.spawn_key != plan.sampling.seed.spawn_key

    def test_layers(self):
        """Only channels that lack shots run again."""
        rng = np.random.default_rng(7)
        images, weight = rng.random((2, 2, 6, 6)), rng.normal(size=(3, 2, 3, 3))
        requested = check_options({"tolerance": 0.5, "seed": 1}, BASELINE)
        layer = laid_out(2, images, weight, None, 1, 0, 1, 1, method=BASELINE, requested=requested)
        result = layer.run()
        assert layer.lacking(result, 0) is None
        worse = result.stderr.copy()
        worse[1, 2, 0, 3] *= 1.5
        more = layer.lacking(replace(result, stderr=worse), 0)
        assert list(more.channels) == [2]
        total = result + more.decode(run(more.programs, more.sampling))
        assert np.argwhere(total.shots != result.shots).tolist() == [[1, 2, 0, 3]]
        changed = np.argwhere(np.abs(total.image - result.image) > 1e-12).tolist()
        assert changed == [[1, 2, 0, 3]]

    def test_what_noise_prevents(self):
        """Shots do not reduce the errors that damping does not explain.

        One round shows this. The shortfall is stated in the result, in its table, in files and in a
        warning.
        """
        method = qconv.AmplitudeEstimation(powers=(0, 1, 2))
        how = self.HOW | {"backend": DAMPED, "tolerance": 0.1, "method": method}
        with pytest.warns(RuntimeWarning, match=r"tolerance: 0\.1 is exceeded in .* % of the"):
            result = qconv.convolve(PROFILE, [1, 2, 1], **how)
        short = result.shortfall
        assert short.pixels == np.sum(result.stderr > 0.1)
        assert abs(short.factor - result.stderr.max() / 0.1) < 1e-12
        assert f"0.1, exceeded in {100 * short.fraction:.2g} % of the pixels" in str(result)


class TestShortfall:
    def test_of_counts(self):
        """`Plan.decode` has no further round, so it states the shortfall."""
        how = {"method": qconv.Diffusion(), "tolerance": 1.0, "seed": 1}
        plan = qconv.plan([0, 4, 4, 4], [1, 1], **how)
        few = plan.executions[0]
        with pytest.warns(RuntimeWarning, match=r"tolerance: 1 is exceeded in 40 % of the pixels"):
            result = plan.decode([{"001": few // 2, "010": few - few // 2}])
        assert result.tolerance == 1.0
        assert result.shortfall.pixels == 2

    @pytest.mark.parametrize("tolerance", [0.5, ("rms", 0.5), None])
    def test_files_parts_and_sums(self, tmp_path, tolerance):
        shots = {} if tolerance is not None else {"shots": 10}
        how = {"mode": "same"} | ({} if tolerance is None else {"tolerance": tolerance}) | shots
        one, two = (qconv.convolve(PROFILE, [1, -3, 1], seed=seed, **how) for seed in (1, 2))
        one.save(tmp_path / "one")
        assert qconv.load(tmp_path / "one").tolerance == tolerance
        assert (one + two).tolerance == tolerance
        assert (one + two).shortfall is None
        part = one[2:4]
        assert part.tolerance == (None if isinstance(tolerance, tuple) else tolerance)
        assert ("tolerance" in str(one)) == (tolerance is not None)

    def test_in_words(self):
        stderr = np.array([1.0, 1.0, 2.0, 5.0])
        assert str(Shortfall.of(stderr, 1.0)) == (
            "exceeded in 50 % of the pixels, by a factor of up to 5"
        )
        assert Shortfall.of(stderr, 5.0) is None
        assert Shortfall.of(stderr, None) is None
        mean = Shortfall.of(stderr, ("rms", 2.0))
        assert (mean.pixels, mean.fraction) == (None, None)
        assert str(mean) == f"exceeded by a factor of {math.sqrt(31 / 4) / 2:.3g}"
        slight = Shortfall.of(np.array([1.0002, 0.5]), 1.0)
        assert str(slight) == "exceeded in 50 % of the pixels, by a factor of up to 1.0002"


def test_batches():
    """All elements of a batch get more shots, in proportion to their shots."""
    images = np.random.default_rng(6).random((2, 6, 6)) * np.array([1, 3])[:, None, None] + 0.1
    for method in (qconv.Diffusion(), BASELINE):
        how = {"method": method, "mode": "same", "seed": 1, "axes": (1, 2), "tolerance": 0.05}
        plan = qconv.plan(images, np.ones((2, 2)) / 4, **how)
        result = plan.run()
        assert Tolerance(0.05, False).reached(result.stderr)
        worse = replace(result, stderr=result.stderr * 0.07 / result.stderr.max())
        more = plan.prepared.lacking(worse, 3)  # rounds that did not run
        executions = [sum(p.executions for p in w.programs) for w in (plan.prepared, more)]
        so_far = result.total_shots / executions[0]
        growth = executions[1] / executions[0] / so_far
        assert abs(growth - min((0.07 / 0.05 / 0.99) ** 2 - 1, 1)) < 0.1
        total = result + more.decode(run(more.programs, more.sampling))
        assert total.total_shots == result.total_shots + executions[1]
