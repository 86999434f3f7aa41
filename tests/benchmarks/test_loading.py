"""Fidelity of photographs that `encode_image` loads, and errors after filters; prints a table.

    OMP_NUM_THREADS=1 python -m pytest tests/benchmarks/test_loading.py -s

Pictures are grey, in floating point: block means of the largest central square where its side is a
multiple of the size, and otherwise `skimage.transform.resize` with anti-aliasing. Circuits are
transpiled to rz, sx, x, cx and simulated by Qiskit. Seconds are processor time of one thread.
"""

import time

import numpy as np
import pytest
from qiskit import transpile
from qiskit.quantum_info import Statevector
from qiskit_aer import AerSimulator
from scipy import ndimage

import classical
import qconv
from tests.benchmarks.peers.jobs.pictures import picture

#: CX of the loading circuit, and maximum relative error of the blurred picture.
BLURS = [(100, 0.1)]

GOALS = [  # picture, size, CX, coupling, minimum fidelity, seconds
    ("camera", 64, 100, "all", 0.984, 60),
    ("coins", 64, 100, "all", 0.971, 60),
    ("astronaut", 64, 100, "all", 0.946, 60),
    ("moon", 64, 100, "all", 0.997, 60),
    ("camera", 64, 200, "all", 0.989, 90),
    ("coins", 64, 200, "all", 0.984, 90),
    ("astronaut", 64, 200, "all", 0.966, 90),
    ("camera", 64, 100, "line", 0.981, 60),
    ("astronaut", 64, 100, "line", 0.941, 60),
    ("camera", 128, 200, "all", 0.981, 90),
    ("camera", 256, 240, "all", 0.977, 120),
]


def simulated(loaded, image):
    circuit = transpile(loaded.circuit, basis_gates=["rz", "sx", "x", "cx"], optimization_level=1)
    state = Statevector(circuit).data
    fidelity = abs(np.vdot(state, image.ravel() / np.linalg.norm(image))) ** 2
    return fidelity, circuit.count_ops()["cx"]


def off(loaded, image, filtered):
    """Relative error after a filter."""
    exact = filtered(image)
    return np.linalg.norm(filtered(loaded.image) - exact) / np.linalg.norm(exact)


@pytest.mark.parametrize(("name", "size", "count", "coupling", "least", "seconds"), GOALS)
def test_goals(name, size, count, coupling, least, seconds):
    image = picture(name, size)
    start = time.process_time()
    loaded = qconv.encode_image(image, two_qubit_gates=count, coupling=coupling, seed=1)
    took = time.process_time() - start
    fidelity, gates = simulated(loaded, image)
    blur = off(loaded, image, lambda x: ndimage.gaussian_filter(x, 1.0))
    edges = off(loaded, image, ndimage.laplace)
    print(
        f"\n{name:9} {size:3} {coupling:4} {gates:3} CX, depth {loaded.depth:3}: "
        f"fidelity {fidelity:.4f} (constant {loaded.constant_fidelity:.3f}), "
        f"blur {blur:.1%} off, edges {edges:.0%} off, {took:.0f} s"
    )
    assert fidelity == pytest.approx(loaded.fidelity, abs=1e-10)
    assert gates <= count
    assert fidelity >= least
    assert took < seconds


@pytest.mark.parametrize(("count", "most"), BLURS)
def test_blur_by_gates(count, most):
    """Loading and adders in device gates, simulated as a state vector."""
    image = picture("camera", 64)
    few = qconv.ApproximatePreparation(two_qubit_gates=count)
    where = {"mode": "same", "boundary": "wrap", "method": qconv.Diffusion(preparation=few)}
    plan = qconv.plan(image, qconv.named_kernel("gaussian"), shots=1000, **where)
    (circuit,) = plan.on_device().circuits
    circuit = circuit.remove_final_measurements(inplace=False)
    circuit = transpile(circuit, basis_gates=["rz", "sx", "x", "cx"], optimization_level=1)
    gates = circuit.count_ops()["cx"]
    circuit.save_probabilities(range(12))
    found = AerSimulator(method="statevector").run(circuit).result().data(0)["probabilities"]
    exact = classical.convolve(image, qconv.named_kernel("gaussian"), "same", "wrap")
    measured = np.roll(found.reshape(image.shape), -1, (0, 1)) * image.sum()  # adds 0 to 2
    error = np.linalg.norm(measured - exact) / np.linalg.norm(exact)
    bias = plan.prepared.loading_error()
    print(
        f"\nblur by gates: {count} CX to load, {gates} in all, {circuit.num_qubits} qubits: "
        f"{error:.2%} off (rms {bias.rms:.2f}, contrast {bias.contrast:.1f})"
    )
    np.testing.assert_allclose(measured - exact, bias.bias, rtol=0, atol=1e-9 * image.max())
    assert gates <= 200
    assert error <= most
