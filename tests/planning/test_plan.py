"""Plans: circuits, cost, and counts from elsewhere."""

import warnings

import numpy as np
import pytest
from qiskit.primitives import BitArray, StatevectorSampler
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError

import classical
import qconv
from tests.cases import EDGE
from tests.chance import ALARM, assert_same_distribution

IMAGE = np.random.default_rng(0).random((4, 3)) + 0.1
KERNEL = np.array([[1.0, -2.0], [0.5, 0.25]])
METHODS = [
    qconv.Collapse(),
    qconv.Collapse(shared=True),
    qconv.Collapse(baseline=True),
    qconv.Diffusion(),
    qconv.Diffusion(adder="classical"),
    qconv.Diffusion(steps=2),
    qconv.Interference(),
    qconv.Interference(signed=False),
    qconv.Fourier(),
    qconv.Fourier(signed=False),
    qconv.AmplitudeEstimation((0, 1, 2)),
    qconv.AmplitudeEstimation((0, 2), range="local"),
    qconv.Blocks(qconv.Fourier(), "overlap-add", 5),
    qconv.Blocks(qconv.Interference(signed=False), "overlap-save", 7),
]
#: Transpiles to a simulator's own gates; Aer builds its target at each access.
TRANSLATED = generate_preset_pass_manager(0, target=AerSimulator().target)
SAMPLED = {"shots": 1500, "mode": "same", "seed": 1}


def make(method, **how):
    return qconv.plan(IMAGE, KERNEL, method=method, **{**SAMPLED, **how})


def by_hand(plan, seed):
    """The steps of a user who runs the circuits on Aer."""
    simulator = AerSimulator(seed_simulator=seed)
    counts = []
    for circuit, shots in zip(plan.circuits, plan.executions, strict=True):
        counts.append(simulator.run(TRANSLATED.run(circuit), shots=shots).result().get_counts())
    return counts


def by_sampler(plan, seed):
    """The steps of a user who has a sampler."""
    sampler = StatevectorSampler(seed=seed)
    pubs = [(c, None, n) for c, n in zip(plan.circuits, plan.executions, strict=True)]
    return sampler.run(pubs).result()


def truth(method):
    exact = classical.diffuse(IMAGE, KERNEL, method.steps, mode="same")
    return exact if method.signed else np.abs(exact)


class TestDecode:
    @pytest.mark.slow
    @pytest.mark.parametrize("gather", [by_hand, by_sampler])
    @pytest.mark.parametrize("method", METHODS, ids=str)
    def test_the_same_distribution_as_running(self, method, gather):
        """Means of z over seeds, decoded and run: chi-square over pixels.

        The results state the standard error of each pixel's mean of 4 estimates. The sum of squared
        differences over their variances is compared with chi-square's quantile, for the worst
        correlation of pixels (all in one pixel: 6.5 standard deviations, 1e-10).
        """
        plans = [make(method, seed=seed) for seed in range(4)]
        decoded = [plan.decode(gather(plan, 100 + n)) for n, plan in enumerate(plans)]
        ran = [plan.run() for plan in plans]
        for results in (decoded, ran):
            mean = np.mean([r.image for r in results], axis=0)
            error = np.sqrt(np.sum([r.stderr**2 for r in results], axis=0)) / 4
            # magnitudes and angles have a bias of a fraction of one standard error
            assert (np.abs(mean - truth(method)) <= 6.5 * error + 0.1 * error * 4**0.5).all()
        assert ALARM > 1e-10
        for one, other in zip(decoded, ran, strict=True):
            assert one.shots == other.shots
            assert one.total_shots == other.total_shots == sum(plans[0].executions)
            assert one.oracle_calls == other.oracle_calls == plans[0].cost.oracle_calls
            assert one.image.shape == other.image.shape
            assert one.quantity == other.quantity
            assert [c.qregs for c in one.circuits] == [c.qregs for c in other.circuits]

    @pytest.mark.parametrize("method", METHODS, ids=str)
    def test_outcomes_have_one_distribution(self, method):
        """Counts of a circuit run by hand, compared with counts of the run: chi-square."""
        plan = make(method)
        circuit, shots = plan.circuits[0], 20000
        simulator = AerSimulator(seed_simulator=5)
        aer = simulator.run(TRANSLATED.run(circuit), shots=shots).result().get_counts()
        sampler = StatevectorSampler(seed=6).run([circuit], shots=shots).result()[0]
        one = BitArray.from_counts(aer, num_bits=circuit.num_clbits).get_int_counts()
        other = sampler.data.meas.get_int_counts()
        keys = sorted({*one, *other})
        assert_same_distribution([one.get(k, 0) for k in keys], [other.get(k, 0) for k in keys])

    @pytest.mark.parametrize("method", METHODS[:4], ids=str)
    def test_every_notation_gives_the_same_bytes(self, method):
        plan = make(method)
        counts = by_hand(plan, 3)
        arrays = [
            BitArray.from_counts(c, num_bits=circuit.num_clbits)
            for c, circuit in zip(counts, plan.circuits, strict=True)
        ]
        notations = {
            "bits": [dict(c) for c in counts],
            "spaces": [{f"{k[:1]} {k[1:]}": n for k, n in c.items()} for c in counts],
            "hexadecimal": [{hex(int(k, 2)): n for k, n in c.items()} for c in counts],
            "binary": [{f"0b{k}": n for k, n in c.items()} for c in counts],
            "numbers": [{int(k, 2): np.int64(n) for k, n in c.items()} for c in counts],
            "floats that are whole": [{k: float(n) for k, n in c.items()} for c in counts],
            "arrays": arrays,
            "in another order": [dict(reversed(list(c.items()))) for c in counts],
        }
        images = {name: plan.decode(given).image.tobytes() for name, given in notations.items()}
        if len(counts) == 1:
            images["alone"] = plan.decode(counts[0]).image.tobytes()
        assert len(set(images.values())) == 1, images.keys()

    def test_a_result_and_a_primitive_result(self):
        plan = make(qconv.AmplitudeEstimation((0, 1)))
        simulator = AerSimulator(seed_simulator=4)
        result = simulator.run(list(plan.circuits), shots=plan.executions[0]).result()
        assert np.array_equal(plan.decode(result).image, plan.decode(result.get_counts()).image)
        primitive = by_sampler(plan, 1)
        each = [pub.data.meas for pub in primitive]
        for given in (each, [pub.data for pub in primitive], list(primitive)):
            assert np.array_equal(plan.decode(primitive).image, plan.decode(given).image)

    def test_running_on_a_backend_is_decoding_its_counts(self):
        """The same shots, split with the same seed, give a bit-identical result."""
        backend = AerSimulator()
        for method in METHODS[:4]:
            plan = make(method, backend=backend)
            ran = plan.run()
            seen = []

            class Tape(AerSimulator):
                def run(self, circuits, **how):
                    job = AerSimulator().run(circuits, **how)
                    seen.append(job.result().get_counts())  # noqa: B023
                    return job

            taped = make(method, backend=Tape()).run()
            assert np.array_equal(taped.image, ran.image)
            assert np.array_equal(plan.decode(seen).image, ran.image)

    def test_noise_is_in_the_standard_error(self):
        """Standard errors are computed from the counts, not from the ideal circuit."""
        flip = NoiseModel()
        flip.add_all_qubit_readout_error(ReadoutError([[0.7, 0.3], [0.3, 0.7]]))
        plan = qconv.plan([0.0, 1, 0], [0, 1.0, 0], method=qconv.Collapse(), shots=400, seed=1)
        noisy = AerSimulator(noise_model=flip, seed_simulator=1)
        counts = noisy.run(plan.circuits[0], shots=4 * plan.executions[0]).result().get_counts()
        with pytest.raises(
            ValueError,
            match=r"at least 2,000 executions of circuit 0 with possible outcomes, "
            r"got 1,999 of 1,001,999; check first_bit",
        ):
            qconv.plan([0.0, 1, 0], [0, 1.0, 0], method=qconv.Collapse(), shots=400).decode(
                {"01": 1999, "11": 10**6}
            )
        wide = qconv.plan([0.0, 1, 0], [1, 8.0, 1], method=qconv.Collapse(), shots=400, seed=1)
        seen = AerSimulator(noise_model=flip, seed_simulator=1).run(
            wide.circuits[0], shots=4 * wide.executions[0]
        )
        result = wide.decode(seen.result().get_counts())
        ideal = wide.run()
        assert result.success_probability < 1
        assert result.stderr[1:4].max() > 1.2 * ideal.stderr[1:4].max()
        assert counts

    def test_two_decodings_add_up_and_one_does_not_twice(self):
        plan = make(qconv.Fourier())
        first, second = by_hand(plan, 1), by_hand(plan, 2)
        both = plan.decode(first) + plan.decode(second)
        assert both.shots == 3000
        assert (both + plan.run()).shots == 4500
        with pytest.raises(ValueError, match="their shots are the same"):
            plan.decode(first) + plan.decode(first)

    @pytest.mark.parametrize(
        ("wrong", "kind", "message"),
        [
            ([], ValueError, "counts: expected one item for each of 1 circuits, got 0"),
            ([{"00": 1}] * 2, ValueError, "expected one item for each of 1 circuits, got 2"),
            ([{"0": 99999}], ValueError, "counts: expected outcomes of 2 bits, such as .*got '0'"),
            ([{"000": 99999}], ValueError, "counts: expected outcomes of 2 bits.*got '000'"),
            ([{"0x4": 99999}], ValueError, "counts: expected outcomes of 2 bits.*got '0x4'"),
            ([{4: 99999}], ValueError, "counts: expected outcomes of 2 bits.*got 4"),
            ([{-1: 99999}], ValueError, "counts: expected outcomes of 2 bits.*got -1"),
            ([{"2x": 99999}], ValueError, "counts: expected outcomes of 2 bits.*got '2x'"),
            ([{None: 99999}], ValueError, "counts: expected outcomes of 2 bits.*got None"),
            ([{True: 99999}], ValueError, "counts: expected outcomes of 2 bits.*got True"),
            ([{"00": -1}], ValueError, "counts: expected numbers of shots >= 0, got -1"),
            ([{"00": 0.5}], TypeError, "counts: expected integer numbers of shots, got 0.5"),
            ([{"00": "7"}], TypeError, "counts: expected integer numbers of shots, got '7'"),
            ([{"00": True}], TypeError, "counts: expected integer numbers of shots, got True"),
            ([{"00": 17999}], ValueError, "counts: expected at least 18,000 exec.* got 17,999"),
            ([{}], ValueError, "counts: expected at least 18,000 executions"),
            ([5], TypeError, "counts: expected a mapping from outcomes to counts, got int"),
            (5, TypeError, "counts: expected a list of counts, a PrimitiveResult or a Result"),
            ("00", TypeError, "counts: expected a list of counts"),
            ([BitArray.from_counts({"000": 20000})], ValueError, "expected outcomes of 2 bits"),
        ],
    )
    def test_wrong_counts(self, wrong, kind, message):
        with pytest.raises(kind, match=message):
            make(qconv.Collapse()).decode(wrong)

    @pytest.mark.parametrize("method", METHODS, ids=str)
    def test_too_few_shots_for_any_method(self, method):
        plan = make(method)
        counts = [dict.fromkeys(["0" * c.num_clbits], 1) for c in plan.circuits]
        with pytest.raises(ValueError, match=r"counts: expected at least .* executions"):
            plan.decode(counts)

    def test_nothing_to_decode(self):
        with pytest.raises(ValueError, match="shots: expected an integer to decode counts"):
            make(qconv.Collapse(), shots=None).decode([{}])
        with pytest.warns(RuntimeWarning, match="success probability is 0"):
            dark = qconv.plan(np.zeros((4, 4)), EDGE, method=qconv.Fourier()).decode([])
        assert (dark.image == 0).all()

    def test_as_many_as_can_be_dealt(self):
        plan = qconv.plan(np.ones(1000), [1, 1.0], method=qconv.Collapse(), shots=10**7)
        with pytest.raises(ValueError, match=r"counts: expected a plan of at most .* exec"):
            plan.decode([{"0": 10**10}])


class TestPlan:
    @pytest.mark.parametrize("method", METHODS, ids=str)
    def test_running_is_convolving(self, method):
        plan = make(method)
        result = plan.run()
        again = qconv.convolve(IMAGE, KERNEL, method=method, **SAMPLED)
        for name in ("image", "stderr"):
            assert getattr(result, name).tobytes() == getattr(again, name).tobytes()
        assert plan.run().image.tobytes() == result.image.tobytes()
        correlated = make(method, flipped=False).run()
        other = qconv.correlate(IMAGE, KERNEL, method=method, **SAMPLED)
        assert correlated.image.tobytes() == other.image.tobytes()

    @pytest.mark.parametrize("method", METHODS, ids=str)
    def test_circuits(self, method):
        plan = make(method)
        assert len(plan.circuits) == len(plan.executions) == plan.cost.circuits > 0
        assert sum(plan.executions) == plan.cost.executions
        for circuit in plan.circuits:
            assert circuit.num_clbits >= 1
            assert circuit.data[-1].name == "measure"
            assert circuit.cregs[0].name == "meas"
            names = {register.name for register in circuit.qregs}
            assert names & {"row", "column", "kernel_row", "kernel_column"}
        assert max(c.num_qubits for c in plan.circuits) == plan.cost.qubits

    @pytest.mark.parametrize("method", METHODS, ids=str)
    def test_costs_are_those_that_come(self, method):
        """Costs are predicted before the run and counted after it."""
        plan = make(method, mode="same", boundary="wrap")
        cost, result = plan.cost, plan.run()
        assert result.total_shots == cost.executions
        assert result.oracle_calls == cost.oracle_calls
        stated = float(np.sqrt(np.mean(result.stderr**2)))
        few = "local" in repr(method)  # the Fisher information is a lower bound of errors
        assert stated == pytest.approx(cost.rmse, rel=0.4 if few else 0.2)
        if result.expected_success is not None:
            assert cost.expected_success == pytest.approx(result.expected_success, rel=1e-9)
        else:
            assert cost.expected_success == 1

    @pytest.mark.slow
    @pytest.mark.parametrize("method", METHODS[3:], ids=str)
    def test_predicted_error_is_the_error(self, method):
        """Mean square over 40 runs and all pixels: its deviation is 0.1, six are allowed."""
        plan = make(method, mode="same", boundary="wrap")
        exact = make(method, mode="same", boundary="wrap", shots=None).run().image
        off = [
            make(method, mode="same", boundary="wrap", seed=seed).run().image - exact
            for seed in range(40)
        ]
        assert float(np.sqrt(np.mean(np.square(off)))) == pytest.approx(plan.cost.rmse, rel=0.3)

    @pytest.mark.parametrize("method", METHODS, ids=str)
    def test_gates(self, method):
        """Gates are counted as on a device, with and without the preparation of the image."""
        cost = make(method).cost
        assert 0 < cost.filter_gates <= cost.two_qubit_gates
        assert 0 < cost.filter_depth <= cost.two_qubit_depth
        joint = "local" in repr(method)  # one angle per pixel and position: too many to count
        assert cost.bounds == ({"rotating by the image": 192} if joint else {})
        if method.whole_image:
            assert cost.filter_gates < cost.two_qubit_gates

    def test_kernel_circuit(self):
        cost = qconv.plan(np.ones((8, 8)), EDGE, method=qconv.Collapse(), shots=3).cost
        assert cost.two_qubit_gates == cost.filter_gates == 3
        assert cost.qubits == 4
        assert cost.executions == cost.oracle_calls == 300
        assert cost.expected_success == 1

    def test_gates_of_a_backend(self):
        """On a line of qubits, there are more gates and not fewer qubits."""
        line = GenericBackendV2(16, coupling_map=[[i, i + 1] for i in range(15)], seed=1)
        plain, routed = (make(qconv.Diffusion(), backend=b).cost for b in (None, line))
        assert routed.filter_gates > plain.filter_gates
        assert routed.executions == plain.executions

    def test_large_ones_by_formula(self):
        image = np.random.default_rng(1).random((64, 64))
        where = {"mode": "same", "boundary": "wrap"}
        cost = qconv.plan(image, EDGE, method=qconv.Fourier(), **where).cost
        assert cost.bounds == {
            "preparing the image": 2**13 - 13 - 1,
            "rotating the flag": 2**12,
        }
        assert cost.two_qubit_gates == cost.filter_gates + 2**13 - 14
        assert "at most" in str(cost)

    def test_nothing_runs(self, monkeypatch):
        def forbidden(*args, **how):
            raise AssertionError("something ran")

        monkeypatch.setattr("qconv.execution.run.saved_probabilities", forbidden)
        monkeypatch.setattr("qconv.execution.run.measured_counts", forbidden)
        for method in METHODS:
            for backend in (None, GenericBackendV2(14, seed=1)):
                plan = make(method, backend=backend)
                assert plan.circuits
                assert str(plan)

    def test_a_table(self):
        text = str(make(qconv.Fourier()))
        for wanted in ("Fourier(", "4 x 3", "2 x 2", "1,500", "18,000", "two-qubit gates", "MiB"):
            assert wanted in text
        assert max(map(len, text.splitlines())) < 100

    def test_exact(self):
        plan = make(qconv.Fourier(), shots=None)
        assert plan.executions == (0,)
        assert plan.cost.rmse == 0
        assert "exact expectation" in str(plan)
        np.testing.assert_allclose(plan.run().image, truth(plan.method), atol=1e-12)

    def test_dark_images(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            plan = qconv.plan(np.zeros((4, 4)), EDGE, method=qconv.Interference())
            assert plan.circuits == plan.executions == ()
            assert plan.cost.executions == 0
            assert str(plan)

    def test_progress_is_for_running_only(self, capsys):
        plan = make(qconv.Collapse())
        plan.run(progress=True)
        assert "tile" in capsys.readouterr().err
        plan.run()
        assert capsys.readouterr() == ("", "")
        with pytest.raises(TypeError, match="progress: expected True or False"):
            plan.run(progress=1)
        with pytest.raises(TypeError, match="flipped: expected True or False"):
            make(qconv.Collapse(), flipped=1)


@pytest.mark.parametrize(
    ("planned", "came", "shots"),
    [(3000, 3000, 7), (3000, 6000, 14), (3000, 1500, 4), (3000, 1286, 3), (3000, 1, 1), (0, 0, 7)],
)
def test_shots_that_came(planned, came, shots):
    """In proportion, rounded, and at least one."""
    laid_out = qconv.plan([1.0, 2], [1.0, 1], method=qconv.Fourier(), shots=7)
    assert laid_out.shots_that_came(planned, came) == shots
    exact = qconv.plan([1.0, 2], [1.0, 1], method=qconv.Fourier(), shots=None)
    assert exact.shots_that_came(planned, came) is None
