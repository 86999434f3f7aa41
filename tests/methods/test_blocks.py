"""Blocks against SciPy and against the single circuit: every scheme, method, mode and boundary."""

from dataclasses import replace

import numpy as np
import pytest
from qiskit.primitives import BackendSamplerV2
from qiskit_aer import AerSimulator

import classical
import qconv
from qconv.convolution import plan
from qconv.execution.simulate.probabilities import born_probabilities
from tests.cases import BOUNDARIES, MODES, SHAPES, close, convolve2d, correlate2d
from tests.chance import ALARM

METHODS = {
    "fourier": qconv.Fourier(),
    "interference": qconv.Interference(),
    "diffusion": qconv.Diffusion(),
    "diffusion, classical": qconv.Diffusion(adder="classical"),
    "interference, ripple": qconv.Interference(adder="ripple"),
}
SCHEMES = ("overlap-add", "overlap-save")
VERBS = [(qconv.convolve, convolve2d), (qconv.correlate, correlate2d)]


def fewest(method, image, kernel, **where):
    """Return `Blocks` with nearly the minimum number of qubits."""
    for qubits in range(4, 24):
        blocks = qconv.Blocks(method, qubits=qubits, **where)
        try:
            blocks.blocks(plan(image, kernel, method=blocks))
        except ValueError as error:
            if not str(error).startswith("qubits: expected at least"):
                raise
            continue
        return qconv.Blocks(method, qubits=qubits + 1, **where)
    raise AssertionError


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(3))
def test_random_shapes(scheme, method, seed):
    rng = np.random.default_rng(seed)
    image, kernel = rng.random(rng.integers(5, 17, 2)), rng.normal(size=rng.integers(1, 5, 2))
    where = {"mode": MODES[seed - 1], "boundary": BOUNDARIES[seed], "fillvalue": 1.5}
    ours, scipys = VERBS[seed % 2]
    blocks = fewest(METHODS[method], image, kernel, scheme=scheme)
    result = ours(image, kernel, method=blocks, shots=None, **where)
    close(result.image, scipys(image, kernel, **where))
    assert (result.stderr == 0).all()
    assert result.circuits[0].num_qubits <= blocks.qubits


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", sorted(SHAPES.keys() - {"several tiles", "several turns"}))
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_curated_shapes(scheme, name, boundary):
    rng = np.random.default_rng(1)
    shape, kernel_shape = SHAPES[name]
    image, kernel = rng.normal(size=shape), rng.normal(size=kernel_shape)
    for mode in MODES:
        where = {"mode": mode, "boundary": boundary, "fillvalue": 2.5 * (mode == "same")}
        try:
            expected = convolve2d(image, kernel, **where)
        except ValueError:
            continue
        method = qconv.Blocks(qconv.Fourier(), scheme, 10)
        close(qconv.convolve(image, kernel, method=method, shots=None, **where).image, expected)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("shapes", [((61,), (4,)), ((7, 9, 6), (2, 3, 2))])
def test_other_numbers_of_axes(scheme, shapes):
    rng = np.random.default_rng(2)
    image, kernel = rng.normal(size=shapes[0]), rng.normal(size=shapes[1])
    for boundary in BOUNDARIES:
        where = {"mode": "same", "boundary": boundary}
        method = qconv.Blocks(qconv.Fourier(), scheme, 8)
        result = qconv.convolve(image, kernel, method=method, shots=None, **where)
        close(result.image, classical.convolve(image, kernel, **where))
        assert result.circuits[0].num_qubits <= 8


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
def test_steps(scheme, small_camera):
    kernel = qconv.named_kernel("gaussian")
    image = small_camera[:17, :20]
    for boundary in BOUNDARIES:
        where = {"shots": None, "mode": "same", "boundary": boundary}
        whole = qconv.Diffusion(steps=2)
        expected = qconv.convolve(image, kernel, method=whole, **where).image
        blocks = qconv.Blocks(whole, scheme, 14)
        close(qconv.convolve(image, kernel, method=blocks, **where).image, expected)


@pytest.mark.parametrize("padding", ["kernel", "wrapped", "both"])
def test_what_wraps_around_a_saved_block_is_not_read(padding, small_camera):
    """The registers of a block hold its part of the image and nothing else."""
    method = qconv.Blocks(qconv.Fourier(padding=padding), "overlap-save", 12)
    kernel = qconv.named_kernel("gaussian", 5)
    result = qconv.convolve(small_camera, kernel, method=method, shots=None)
    close(result.image, classical.convolve(small_camera, kernel))
    assert [r.size for r in result.circuits[0].qregs] == [5, 5, 1, 1]


def test_magnitudes_of_saved_blocks(small_camera):
    kernel = qconv.named_kernel("edge")
    method = qconv.Blocks(qconv.Fourier(signed=False), "overlap-save", 11)
    result = qconv.convolve(small_camera, kernel, method=method, shots=None)
    close(result.image, np.abs(classical.convolve(small_camera, kernel)))


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("method", ["fourier", "interference", "diffusion"])
def test_standard_errors(scheme, method, small_camera):
    """Check the mean of z**2 over pixels and 4 runs.

    Chebyshev's inequality would need a larger tolerance. ``z`` is a sum of at least a thousand
    nearly independent outcomes, so the mean of its square has the standard deviation
    ``sqrt(2 / n)``. The tolerance is 7 times this (a false alarm in 4e11), times 1.3 for the
    correlation of neighbours, plus 3 % for standard errors that are estimates themselves.
    """
    kernel = qconv.named_kernel("sharpen")
    blocks = qconv.Blocks(METHODS[method], scheme, 13)
    exact = classical.convolve(small_camera, kernel, mode="same")
    runs = [
        qconv.convolve(small_camera, kernel, method=blocks, shots=2000, mode="same", seed=seed)
        for seed in range(4)
    ]
    squares = np.mean([((run.image - exact) / run.stderr) ** 2 for run in runs])
    assert abs(squares - 1) < 7 * 1.3 * np.sqrt(2 / (4 * exact.size)) + 0.03
    assert ALARM > 2 * 1.3e-12
    total = sum(runs)
    assert total.shots == 8000
    assert np.abs(total.image - exact).mean() < 0.6 * np.abs(runs[0].image - exact).mean()
    for run in runs:
        away = run.success_probability - run.expected_success
        assert abs(away) <= 6.5 * run.success_stderr + 1e-12
        assert run.independent


def test_shots_are_shared_out(small_camera):
    """The total number of shots depends on the outputs only, also with overlap-add."""
    kernel = qconv.named_kernel("box", 5)
    for scheme in SCHEMES:
        method = qconv.Blocks(qconv.Diffusion(), scheme, 14)
        result = qconv.convolve(small_camera, kernel, method=method, shots=50, seed=1, mode="same")
        assert result.total_shots == 50 * small_camera.size
        assert result.oracle_calls == result.total_shots
        assert result.shots == 50


def test_every_block_has_a_shot():
    """Five shots, one per output, are too few for twelve blocks; each block gets one."""
    method = qconv.Blocks(qconv.Fourier(), "overlap-add", 5)
    image, kernel = np.arange(1.0, 13), np.arange(1.0, 9)
    problem = plan(image, kernel, method=method, shots=1, mode="valid")
    assert problem.grid.output_shape == (5,)
    assert [block.total for block in method.blocks(problem)] == [1] * 12
    result = qconv.convolve(image, kernel, method=method, shots=1, mode="valid", seed=1)
    assert result.total_shots == 12
    assert (result.stderr > 0).all()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_seeds(scheme, small_camera):
    kernel = qconv.named_kernel("edge")
    method = qconv.Blocks(qconv.Fourier(), scheme, 12)
    where = {"method": method, "shots": 10, "mode": "same"}
    one, two, other = (qconv.convolve(small_camera, kernel, seed=s, **where) for s in (1, 1, 2))
    assert np.array_equal(one.image, two.image)
    assert not np.array_equal(one.image, other.image)
    with pytest.raises(ValueError, match="same seed"):
        one + two
    flat = np.ones((64, 64)) * 3
    blocks = qconv.convolve(flat, [[0.5, 0.5]], seed=1, **where).image
    assert not np.array_equal(blocks[8:24, 8:24], blocks[8:24, 36:52])  # separate random streams


def test_dark_blocks_run_nothing():
    image = np.zeros((40, 40))
    image[25:30, 25:30] = 7
    kernel = qconv.named_kernel("gaussian")
    for scheme in SCHEMES:
        method = qconv.Blocks(qconv.Diffusion(), scheme, 12)
        result = qconv.convolve(image, kernel, method=method, shots=100, seed=1, mode="same")
        assert (result.image[:20, :20] == 0).all()
        assert result.image[27, 27] > 0
        assert result.circuits
        least = 0.9 if scheme == "overlap-add" else 0.4  # margins are not read
        assert result.success_probability > least
        assert result.total_shots < 100 * image.size
        with pytest.warns(RuntimeWarning, match="probability is 0 for every block"):
            nothing = qconv.convolve(0 * image, kernel, method=method, shots=5)
        assert (nothing.image == 0).all()
        assert nothing.circuits == ()
        assert nothing.oracle_calls == 0


@pytest.mark.slow
def test_the_success_probability_has_no_bias(small_camera):
    """Sum of the deviations of 24 results in standard errors; 6.5 standard deviations allowed."""
    kernel = qconv.named_kernel("laplacian")
    for method in (
        qconv.Fourier(),
        qconv.Blocks(qconv.Fourier(), "overlap-save", 10),
        qconv.Blocks(qconv.Fourier(), "overlap-add", 10),
    ):
        runs = [
            qconv.convolve(small_camera[:32, :32], kernel, method=method, shots=10, seed=seed)
            for seed in range(24)
        ]
        off = [(r.success_probability - r.expected_success) / r.success_stderr for r in runs]
        assert abs(np.sum(off)) < 6.5 * np.sqrt(24)
        total = sum(runs)
        assert np.isclose(total.expected_success, runs[0].expected_success)
        mean = np.mean([r.success_probability for r in runs])
        assert np.isclose(total.success_probability, mean)


def test_blocks_and_a_whole_add_up(small_camera):
    kernel = qconv.named_kernel("edge")
    whole = qconv.convolve(small_camera, kernel, method=qconv.Fourier(), shots=200, seed=1)
    method = qconv.Blocks(qconv.Fourier(), "overlap-save", 12)
    both = whole + qconv.convolve(small_camera, kernel, method=method, shots=600, seed=2)
    assert both.shots == 800
    away = both.success_probability - both.expected_success
    assert abs(away) < 6.5 * both.success_stderr


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_blocks_can_be_looked_at(scheme, small_camera):
    method = qconv.Blocks(qconv.Fourier(), scheme, 12)
    problem = plan(small_camera, np.ones((3, 5)), method=method, shots=7, mode="same")
    blocks = method.blocks(problem)
    assert sum(block.total for block in blocks) == 7 * small_camera.size
    for block in blocks:
        assert block.prepared.num_qubits <= 12
        assert block.method == method.method


def test_backends():
    image = np.random.default_rng(3).random((7, 6))
    kernel = np.array([[1.0, -2.0, 0.5]])
    method = qconv.Blocks(qconv.Fourier(), "overlap-add", 7)
    exact = classical.convolve(image, kernel)
    for backend in (AerSimulator(), BackendSamplerV2(backend=AerSimulator())):
        result = qconv.convolve(
            image, kernel, method=method, shots=2000, seed=3, backend=backend, mode="full"
        )
        z = (result.image - exact) / result.stderr
        assert np.abs(z).max() < 6.5  # 56 pixels: a false alarm in 2e8
    sampler = BackendSamplerV2(backend=AerSimulator(), options={"seed_simulator": 5})
    with pytest.raises(ValueError, match="same shots in two runs"):
        qconv.convolve(image, kernel, method=method, shots=200, backend=sampler)


def test_the_cheapest_blocks_are_taken():
    """512 x 512 and 3 x 3: with sides of 126 pixels, there would be 25 circuits of 2**14 states."""
    method = qconv.Blocks(qconv.Fourier(), "overlap-save", 16)
    problem = plan(np.ones((512, 512)), np.ones((3, 3)), method=method, mode="same")
    circuit = problem.prepared.costliest.build()
    assert [r.size for r in circuit.qregs] == [7, 7, 1, 1]


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        (
            {"method": qconv.Collapse()},
            TypeError,
            "method: expected a method that holds a whole image",
        ),
        (
            {"method": qconv.Fourier},
            TypeError,
            "method: expected a method that holds a whole image",
        ),
        (
            {"method": qconv.AmplitudeEstimation()},
            TypeError,
            "method: expected a method that holds",
        ),
        ({"scheme": "overlap"}, ValueError, "scheme: expected one of 'overlap-add', 'overlap-s"),
        (
            {"method": qconv.Fourier(signed=False)},
            ValueError,
            "scheme: expected 'overlap-save', or",
        ),
        ({"method": qconv.Fourier(padding="kernel")}, ValueError, "method: expected a padding of"),
        (
            {"method": qconv.Fourier(padding="none"), "scheme": "overlap-save"},
            ValueError,
            "method: expected a padding of 'auto' or 'both' or 'kernel' or 'wrapped' for 'overlap",
        ),
        ({"qubits": 0}, ValueError, "qubits: expected an integer >= 1, got 0"),
        ({"qubits": 12.0}, TypeError, "qubits: expected an integer"),
    ],
)
def test_wrong_options(wrong, kind, message):
    with pytest.raises(kind, match=message):
        qconv.Blocks(**({"method": qconv.Fourier()} | wrong))


def test_blocks_of_blocks_are_refused():
    with pytest.raises(TypeError, match="method: expected a method that holds a whole image"):
        qconv.Blocks(qconv.Blocks(qconv.Fourier()))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_too_few_qubits(scheme):
    method = qconv.Blocks(qconv.Fourier(), scheme, 5)
    message = r"qubits: expected at least \d+ for a kernel of \(3, 3\) positions"
    with pytest.raises(ValueError, match=message):
        qconv.convolve(np.ones((9, 9)), np.ones((3, 3)), method=method)
    kernel = np.array([[1.0, 2, 1]])
    enough = qconv.Blocks(qconv.Fourier(), scheme, 4)
    result = qconv.convolve(np.eye(9), kernel, method=enough, shots=None)
    close(result.image, classical.convolve(np.eye(9), kernel))


def test_negative_pixels_are_no_particles():
    with pytest.raises(ValueError, match="image: expected values >= 0 for Diffusion"):
        qconv.convolve(
            -np.ones((9, 9)), np.ones((3, 3)), method=qconv.Blocks(qconv.Diffusion(), qubits=12)
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    "method", [qconv.Fourier(), qconv.Fourier(amplify=1, read_out="root")], ids=["linear", "root"]
)
def test_sums_of_overlapping_blocks_are_estimated_anew(method, tmp_path):
    """Sixteen parts give the numbers of one run with the same counts, up to rounding."""
    image, kernel = np.random.default_rng(1).random((8, 8)), [[1, -3, 1]]
    blocks = qconv.Blocks(method, "overlap-add", qubits=7)
    how = {"method": blocks, "mode": "same"}
    joint = replace(qconv.plan(image, kernel, shots=320, seed=99, **how), growth=1 / 16)
    total, counts = 0, [{} for _ in joint.circuits]
    for seed in range(16):
        plan = qconv.plan(image, kernel, shots=20, seed=seed, **how)
        rng, own = np.random.default_rng(seed), []
        for program, known in zip(plan.prepared.programs, counts, strict=True):
            circuit = program.built()
            p = born_probabilities(circuit, None, measured=program.measurement(circuit))
            drawn = rng.multinomial(program.executions, p / p.sum())
            own.append({int(i): int(drawn[i]) for i in np.flatnonzero(drawn)})
            for outcome, number in own[-1].items():
                known[outcome] = known.get(outcome, 0) + number
        total += plan.decode(own)
    expected = joint.decode(counts)
    np.testing.assert_allclose(total.image, expected.image, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(total.stderr, expected.stderr, rtol=1e-9, atol=1e-12)
    assert np.array_equal(total.diagnostics.counts, expected.diagnostics.counts)
    part = total[2:6, 1:]
    part.save(tmp_path / "part")
    loaded = qconv.load(tmp_path / "part").diagnostics
    for found, wanted in zip(loaded.estimate(), (total.image, total.stderr), strict=True):
        np.testing.assert_allclose(found, wanted[2:6, 1:], rtol=1e-12)
