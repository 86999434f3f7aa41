"""Approximate loading: the state that the circuit prepares, and its number of gates."""

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import Statevector

import qconv
from qconv.circuits.loading import chain, search

Y, X = np.mgrid[:16, :16]
DISK = 1.0 + 3 * (np.hypot(Y - 8.2, X - 6.7) < 5) + X / 10


def fidelity(loaded, image):
    """Return the squared overlap from Qiskit's simulation of the transpiled circuit."""
    image = np.asarray(image, dtype=float) / np.abs(image).max()
    padded = np.pad(image, [(0, 2 ** (n - 1).bit_length() - n) for n in image.shape]).ravel()
    circuit = transpile(loaded.circuit, basis_gates=["rz", "sx", "x", "cx"], optimization_level=1)
    assert circuit.count_ops().get("cx", 0) >= loaded.two_qubit_gates
    state = Statevector(circuit).data[: padded.size]
    return abs(np.vdot(state, padded / np.linalg.norm(padded))) ** 2


CASES = {
    "image": (DISK, 20),
    "one column": (DISK[:, 3:4], 3),
    "odd sizes": (DISK[:11, :7], 8),
    "signal of both signs": (np.sin(np.arange(50) / 5), 6),
    "volume": (np.random.default_rng(0).normal(size=(3, 5, 4)), 12),
    "four axes": (np.random.default_rng(1).normal(size=(2, 3, 2, 2)), 4),
    "no gates": (DISK, 0),
    "huge": (DISK[:8, :8] * 1e300, 5),
    "tiny": (DISK[:8, :8] * 1e-300, 5),
    "average 0": (np.tile([[1.0, -1.0], [-1.0, 1.0]], (4, 4)) * DISK[:8, :8], 5),
}


@pytest.mark.parametrize("coupling", ["all", "line"])
@pytest.mark.parametrize("name", CASES)
def test_loads_what_it_says(name, coupling, quick):
    image, count = CASES[name]
    loaded = qconv.encode_image(image, two_qubit_gates=count, coupling=coupling, seed=1)
    assert loaded.two_qubit_gates <= count
    assert loaded.fidelity == pytest.approx(fidelity(loaded, image), abs=1e-12)
    assert loaded.image.shape == image.shape
    scaled = [x / np.abs(image).max() for x in (image, loaded.image)]
    inside = np.vdot(*scaled) / np.vdot(scaled[0], scaled[0])
    assert inside == pytest.approx(np.sqrt(loaded.fidelity), abs=1e-12)
    if coupling == "line":
        assert_on_a_line(loaded)


def assert_on_a_line(loaded):
    place = {qubit: index for index, qubit in enumerate(loaded.line)}
    assert sorted(place) == list(range(loaded.circuit.num_qubits))
    for item in loaded.circuit:
        ends = [place[loaded.circuit.find_bit(qubit).index] for qubit in item.qubits]
        assert len(ends) < 2 or abs(ends[0] - ends[1]) == 1


@pytest.fixture
def quick(monkeypatch):
    """Reduce the effort of the search."""
    fewer = {
        "_STARTS": 1,
        "_START_ITERATIONS": 100,
        "_TRIAL_EXCHANGES": 0,
        "_EXCHANGES": 3,
        "_EXCHANGE_ITERATIONS": 30,
        "_LAST_ROUNDS": 2,
        "_FINER_ITERATIONS": 100,
    }
    for name, value in fewer.items():
        monkeypatch.setattr(search, name, value)


def test_more_gates_load_better(quick):
    reached = [
        qconv.encode_image(DISK, two_qubit_gates=count, seed=1).fidelity for count in (0, 5, 20)
    ]
    constant = qconv.encode_image(DISK, two_qubit_gates=0, seed=1).constant_fidelity
    assert constant == pytest.approx(DISK.mean() ** 2 / (DISK**2).mean())
    assert constant < reached[0]
    assert sorted(reached) == reached
    assert reached[-1] > 0.96


def test_exchange_helps(quick, monkeypatch):
    """From the same starts, the search with exchanges loads much better."""
    monkeypatch.setattr(search, "_EXCHANGE_ITERATIONS", 100)
    image = DISK[::2, ::2]
    plain, better = [], []
    for exchanges, found in [(0, plain), (25, better)]:
        monkeypatch.setattr(search, "_EXCHANGES", exchanges)
        found += [
            1 - qconv.encode_image(image, two_qubit_gates=8, coupling=coupling, seed=3).fidelity
            for coupling in ("all", "line")
        ]
    assert better[0] < 0.8 * plain[0]
    assert better[1] < 0.8 * plain[1]


@pytest.mark.parametrize("coupling", ["all", "line"])
def test_reaches_a_fidelity(coupling, quick):
    image = DISK[::2, ::2]
    loaded = qconv.encode_image(image, fidelity=0.97, coupling=coupling, seed=2)
    assert loaded.fidelity >= 0.97
    assert fidelity(loaded, image) >= 0.97
    assert loaded.two_qubit_gates <= 12


def test_a_fidelity_out_of_reach(quick):
    image = np.random.default_rng(4).random((4, 8))
    with pytest.raises(ValueError, match=r"expected at most 0\.9.*, reached with 17 CX, got"):
        qconv.encode_image(image, fidelity=1 - 1e-13, coupling="line", seed=1)


def test_exact_where_that_is_cheap():
    """A product of a row and a column needs few CX; a Bell state needs one."""
    for image, count in [(np.outer(X[0] + 1, np.ones(16)), 15), ([[3, 0], [0, 4]], 1), ([[7]], 0)]:
        loaded = qconv.encode_image(image, two_qubit_gates=count)
        assert loaded.fidelity == 1.0
        assert loaded.two_qubit_gates <= count
        np.testing.assert_array_equal(loaded.image, image)
    loaded = qconv.encode_image(DISK[:4, :4], fidelity=0.9999999, seed=1)
    assert loaded.fidelity >= 0.9999999


def test_larger_images_start_at_coarser_scales(quick, monkeypatch):
    y, x = np.mgrid[:32, :16]
    image = np.exp(-((y - 12) ** 2 + (x - 9) ** 2) / 40)
    plain = qconv.encode_image(image, two_qubit_gates=15, seed=1)
    monkeypatch.setattr(chain, "_COARSEST", 6)
    loaded = qconv.encode_image(image, two_qubit_gates=15, seed=1)
    assert loaded.two_qubit_gates <= 15
    assert loaded.fidelity > 0.98
    assert loaded.fidelity != plain.fidelity
    assert loaded.fidelity == pytest.approx(fidelity(loaded, image), abs=1e-12)


def test_same_seed_same_circuit(quick):
    first, again, other = (
        qconv.encode_image(DISK, two_qubit_gates=10, seed=seed) for seed in (5, 5, 6)
    )
    assert first.circuit == again.circuit
    assert first.fidelity == again.fidelity
    assert first.circuit != other.circuit


def test_registers_are_those_of_exact_loading(quick):
    loaded = qconv.encode_image(DISK[:8], two_qubit_gates=3, seed=1)
    assert isinstance(loaded.circuit, QuantumCircuit)
    assert loaded.circuit.qregs == qconv.encode_amplitudes(DISK[:8]).qregs
    assert str(loaded).startswith("LoadedImage(fidelity=0.9")


@pytest.mark.parametrize(
    ("error", "message", "arguments"),
    [
        (TypeError, "two_qubit_gates, fidelity: expected one of the two, got neither", {}),
        (TypeError, "expected one of the two, got both", {"two_qubit_gates": 3, "fidelity": 0.9}),
        (ValueError, "two_qubit_gates: expected an integer >= 0", {"two_qubit_gates": -1}),
        (TypeError, "two_qubit_gates: expected an integer", {"two_qubit_gates": 2.0}),
        (ValueError, "fidelity: expected a number between 0 and 1, got 1", {"fidelity": 1}),
        (ValueError, "fidelity: expected a number between 0 and 1, got 0", {"fidelity": 0}),
        (TypeError, "fidelity: expected a real number", {"fidelity": "0.9"}),
        (ValueError, "seed: expected an integer >= 0, got -1", {"two_qubit_gates": 3, "seed": -1}),
        (TypeError, "seed: expected an integer", {"two_qubit_gates": 3, "seed": "1"}),
        (ValueError, "coupling: expected one of", {"two_qubit_gates": 3, "coupling": "ring"}),
    ],
)
def test_arguments(error, message, arguments):
    with pytest.raises(error, match=message):
        qconv.encode_image(DISK, **arguments)


@pytest.mark.parametrize(
    ("error", "message", "image"),
    [
        (ValueError, "image: expected at least one entry other than 0", np.zeros((4, 4))),
        (ValueError, "image: expected at least one axis", 3.0),
        (ValueError, "image: expected at most 65536 elements .* got 131072", np.ones((256, 257))),
        (TypeError, "image: expected real numbers", np.ones((2, 2)) * 1j),
        (ValueError, "image: expected finite numbers", [[1, np.nan]]),
    ],
)
def test_images(error, message, image):
    with pytest.raises(error, match=message):
        qconv.encode_image(image, two_qubit_gates=3)
