"""A method written outside the package, from the documentation's page alone, works everywhere."""

import re
from pathlib import Path

import numpy as np
import pytest
from qiskit.primitives import StatevectorSampler
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError

import classical
import qconv
from qconv.execution.run import run
from tests.cases import BOUNDARIES, MODES, SHAPES, close, random_integers

PAGE = Path(__file__).parents[2] / "docs" / "writing-a-method.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
NAMES: dict = {"__name__": "page"}
exec(compile(BLOCKS[0], str(PAGE), "exec"), NAMES)
Pairs = NAMES["Pairs"]
KERNEL = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])


def test_the_page_runs(capsys):
    exec(compile(BLOCKS[1], str(PAGE), "exec"), dict(NAMES))
    printed = capsys.readouterr().out
    assert "agrees with the exact convolution" in printed
    assert printed.endswith("(4, 6)\n")
    assert len(BLOCKS[0].splitlines()) < 62


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_exact(name):
    shape, kernel_shape = SHAPES[name]
    if np.prod(shape) > 2000:
        return
    image, kernel = np.abs(random_integers(shape, 1)), random_integers(kernel_shape, 2)
    for mode, boundary in zip(MODES * 2, BOUNDARIES, strict=False):
        for ours, reference in (
            (qconv.convolve, classical.convolve),
            (qconv.correlate, classical.correlate),
        ):
            try:
                expected = reference(image, kernel, mode=mode, boundary=boundary)
            except ValueError:
                continue
            result = ours(image, kernel, method=Pairs(), shots=None, mode=mode, boundary=boundary)
            close(result.image, expected)
            assert (result.stderr == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "backend",
    [None, AerSimulator(), StatevectorSampler(seed=np.random.default_rng(2))],
    ids=["ideal", "Aer", "sampler"],
)
@pytest.mark.parametrize("blocks", [None, "overlap-add", "overlap-save"])
def test_sampled(backend, blocks):
    """Every pixel is within 6.5 standard errors: a false alarm in 1e8, except small counts."""
    image = np.random.default_rng(0).random((9, 8)) + 0.2
    method = Pairs() if blocks is None else qconv.Blocks(Pairs(), blocks, 9)
    result = qconv.convolve(
        image, KERNEL, method=method, shots=3000, mode="same", seed=1, backend=backend
    )
    exact = classical.convolve(image, KERNEL, mode="same")
    assert (np.abs(result.image - exact) < 6.5 * result.stderr).all()
    assert result.total_shots == 3000 * image.size
    assert result.circuits[0].num_qubits <= 12


def test_decoded_saved_and_added(tmp_path):
    image = np.random.default_rng(0).random((4, 4))
    plans = [qconv.plan(image, KERNEL, method=Pairs(), shots=500, seed=seed) for seed in (1, 2)]
    one, two = (plan.run() for plan in plans)
    counts = AerSimulator(seed_simulator=3).run(plans[0].circuits[0], shots=18000).result()
    decoded = plans[0].decode(counts)
    exact = classical.convolve(image, KERNEL)
    for result in (one + two, decoded):
        result.save(tmp_path / "r.npz")
        loaded = qconv.Convolution.load(tmp_path / "r.npz")
        assert np.array_equal(loaded.image, result.image)
        seen = result.stderr > 0
        assert (np.abs(result.image - exact) < 6.5 * result.stderr)[seen].all()
    assert (one + two).shots == 1000


def test_finds_templates():
    image = np.random.default_rng(4).random((12, 15))
    for method in (Pairs(), qconv.Blocks(Pairs(), "overlap-save", 13)):
        match = qconv.match_template(
            image, image[3:9, 5:12], filter="correlation", method=method, shots=10**6, seed=1
        )
        assert match.position == (3, 5)
    with pytest.raises(ValueError, match="for the filter 'phase', got Pairs"):
        qconv.match_template(image, image[3:9, 5:12], method=Pairs())


def test_tolerance():
    image = np.random.default_rng(6).random((6, 7)) + 0.2
    result = qconv.convolve(image, KERNEL, method=Pairs(), tolerance=0.2, seed=1)
    # Predicted errors are at most 0.2. Stated errors follow from the counts. The pixel with the
    # largest error has some 1,000 counts. A deviation of their root by 10 %, and so of the error,
    # has probability 1e-9.
    assert 0.18 < result.stderr.max() < 0.22


def test_readout_mitigation():
    """The mean of z**2 over 120 independent runs is 1, within 6.5 of its standard deviations."""
    noise = NoiseModel()
    noise.add_all_qubit_readout_error(ReadoutError([[0.97, 0.03], [0.06, 0.94]]))
    image, kernel = np.array([1.0, 3.0, 2.0]), [1.0, -2.0]
    where = {"method": Pairs(), "shots": 2000, "backend": AerSimulator(noise_model=noise)}
    exact = classical.convolve(image, kernel)
    known = {}  # probabilities of noisy outcomes are the same for all seeds

    def squares(seeds, mitigation):
        for seed in range(seeds):
            plan = qconv.plan(image, kernel, seed=seed, mitigation=mitigation, **where)
            gathered = run(plan.prepared.programs, plan.sampling, known=known)
            result = plan.prepared.decode(gathered)
            yield np.mean(((result.image - exact) / result.stderr) ** 2)

    corrected = np.array(list(squares(120, "readout")))
    assert abs(corrected.mean() - 1) < 6.5 * corrected.std() / np.sqrt(len(corrected))
    assert np.mean(list(squares(5, None))) > 3


def test_cost_without_predictions(monkeypatch):
    monkeypatch.setattr(NAMES["PreparedPairs"], "predict", qconv.Prepared.predict)
    plan = qconv.plan(np.ones((4, 4)), KERNEL, method=Pairs(), shots=10)
    assert plan.cost.rmse is None
    assert plan.cost.qubits == 9  # 6 x 8 pixels with margins, 2 x 3 positions
    assert "not predicted" in str(plan)


def test_classes_and_strangers_are_refused():
    for wrong in (Pairs, object(), "collapse", None):
        with pytest.raises(TypeError, match=r"method: expected a method such as qconv.Collapse"):
            qconv.convolve([1.0, 2], [1.0], method=wrong)
