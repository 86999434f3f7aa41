"""Amplification at all positions at once: ``sin((2 m + 1) t)**2``, for every construction."""

import numpy as np
import pytest
from qiskit import transpile

import qconv
from qconv.circuits.grover import SIMULATED, Amplifier, with_higher_powers
from qconv.execution.simulate.probabilities import born_probabilities, saved_probabilities

LATTICE, COUNTS = (8, 4), (5, 3)
KERNELS = {
    "signed": np.array([[1.0, -2.0], [0.5, 0.0], [-1.0, 3.0]]),
    "positive": np.array([[1.0, 2.0], [0.5, 4.0], [1.0, 3.0]]),
    "negative": np.array([[-1.0, -2.0]]),
    "one position": np.array([[2.5]]),
    "column": np.array([[1.0], [2.0], [-1.0]]),
}


def amplifier(kernel, *, joint, native, family="mcx"):
    """Return an amplifier with random angles, and its initial probabilities."""
    rng = np.random.default_rng(0)
    sizes = [1 << (h - 1).bit_length() for h in kernel.shape]
    if max(sizes) == 1:
        sizes[-1] = 2
    angles = rng.uniform(0, np.pi / 2, (*sizes, *LATTICE) if joint else LATTICE)
    expected = np.zeros(LATTICE)
    for v in np.ndindex(*kernel.shape):
        seen = np.sin(angles[v] if joint else np.roll(angles, [-i for i in v], (0, 1))) ** 2
        flipped = 1 - seen if kernel[v] < 0 and not joint else seen
        expected += np.abs(kernel[v]) / np.abs(kernel).sum() * flipped
    made = Amplifier(COUNTS, kernel, angles, native=native, family=family)
    return made, np.arcsin(np.sqrt(expected))[:5, :3]


def at_positions(probabilities):
    """Return the probabilities of misses and hits, given the position."""
    cells = probabilities.reshape(2, *LATTICE)
    assert cells.sum() == pytest.approx(cells[:, :5, :3].sum()), "positions that are not in it"
    return cells[:, :5, :3] * 15


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("power", [0, 1, 2, 5])
def test_every_position(name, joint, power):
    made, theta = amplifier(KERNELS[name], joint=joint, native=True)
    born = born_probabilities(made.circuit(power), measured=made.measured)
    misses, hits = at_positions(born)
    np.testing.assert_allclose(hits, np.sin((2 * power + 1) * theta) ** 2, atol=1e-12)
    np.testing.assert_allclose(misses + hits, 1, atol=1e-12)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("joint", [False, True])
def test_saved_on_the_way(name, joint):
    made, theta = amplifier(KERNELS[name], joint=joint, native=True)
    powers = (0, 1, 3, 4, 9)
    saved = saved_probabilities(made.saving(powers), None, measured=made.measured)
    assert sorted(map(int, saved)) == list(powers)
    for power in powers:
        hits = at_positions(saved[str(power)])[1]
        np.testing.assert_allclose(hits, np.sin((2 * power + 1) * theta) ** 2, atol=1e-12)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("joint", [False, True])
def test_higher_powers(name, joint):
    """Probabilities computed from the lowest powers equal simulated ones."""
    made, _ = amplifier(KERNELS[name], joint=joint, native=True)
    powers = (1, 4, 21)
    few = saved_probabilities(made.saving(SIMULATED), None, measured=made.measured)
    found = with_higher_powers(few, powers)
    assert sorted(map(int, found)) == list(powers)
    for power in powers:
        born = born_probabilities(made.circuit(power), measured=made.measured)
        np.testing.assert_allclose(found[str(power)], born, atol=1e-12)


def test_higher_powers_of_another_circuit():
    made, _ = amplifier(KERNELS["signed"], joint=False, native=True)
    few = saved_probabilities(made.saving(SIMULATED), None, measured=made.measured)
    few["2"] = few["2"][::-1]
    with pytest.raises(RuntimeError, match="power 2 to follow from those of power 0"):
        with_higher_powers(few, (0, 8))


@pytest.mark.parametrize("name", ["signed", "positive"])
@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("family", ["ripple", "fourier"])
def test_by_gates(name, joint, family):
    made, theta = amplifier(KERNELS[name], joint=joint, native=False, family=family)
    for power in (0, 2):
        circuit = transpile(
            made.circuit(power), basis_gates=["rz", "sx", "x", "cx"], optimization_level=0
        )
        hits = at_positions(born_probabilities(circuit, measured=made.measured))[1]
        np.testing.assert_allclose(hits, np.sin((2 * power + 1) * theta) ** 2, atol=1e-10)


def test_one_rotation_a_step():
    """Each step takes one rotation; a step after saved probabilities takes two."""

    def rotations(circuit):
        return sum(len(item.qubits) == 6 and item.name == "diagonal" for item in circuit)

    made, _ = amplifier(KERNELS["signed"], joint=False, native=True)
    assert made.circuit(8).count_ops()["diagonal"] == 9 + 8  # 8 reflections
    assert rotations(made.circuit(8)) == 9
    powers = (0, 1, 2, 4, 8, 16, 32)
    assert rotations(made.saving(powers)) == 33 + 6
    gates, _ = amplifier(KERNELS["signed"], joint=False, native=False, family="ripple")
    assert gates.circuit(8).count_ops()["ucry"] == 9


def test_registers():
    made, _ = amplifier(KERNELS["signed"], joint=False, native=False, family="ripple")
    names = [register.name for register in made.circuit(1).qregs]
    assert names[:5] == ["column", "row", "flag", "kernel_column", "kernel_row"]
    assert all(name.startswith("ancilla") for name in names[5:])
    assert qconv.resources(made.circuit(1)).ancillas == made.circuit(1).num_ancillas
