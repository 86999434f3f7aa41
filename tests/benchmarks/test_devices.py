"""Cost of a fake backend of 156 qubits, as ratios in one run (extra ``devices``).

python -m pytest tests/benchmarks/test_devices.py -s
"""

import time

import numpy as np
import pytest
from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit.circuit.library import StatePreparation
from qiskit.transpiler import PassManager
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

import qconv
from qconv.execution.device.physical import Physical, physical
from qconv.execution.simulate.noise import noise_of, noisy_probabilities

EDGE = qconv.named_kernel("edge")
fake = pytest.importorskip("qiskit_ibm_runtime.fake_provider", reason="needs the extra `devices`")


def seconds(call):
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def managed(backend) -> PassManager:
    return generate_preset_pass_manager(2, backend=backend, seed_transpiler=0)


def test_whole_call(camera):
    """Time of 65 million shots with the device's noise, relative to one shot of the circuit."""
    where = {"mode": "same", "boundary": "symm"}
    plan = qconv.plan(camera, EDGE, method=qconv.Collapse(), shots=1000, **where)
    for kind in ("the first", "a later"):
        ours, bare = fake.FakeMarrakesh(), fake.FakeMarrakesh()
        physical = managed(bare).run(plan.circuits[0])
        if kind == "a later":  # builds their noise models
            noise_of(ours)
            noise_of(bare)
        base = seconds(lambda bare=bare, physical=physical: bare.run(physical, shots=1).result())
        call = seconds(
            lambda ours=ours: qconv.convolve(
                camera, EDGE, shots=1000, backend=ours, seed=1, **where
            )
        )
        print(f"\n{kind} call: {call:.1f} s, a bare shot {base:.1f} s: {call / base:.2f} (goal 3)")
        assert call < 3 * base


def propagator_of(**how):
    """Return the distribution of kernel positions that `Collapse` samples, by one bright pixel."""
    dot = np.zeros((3, 3))
    dot[1, 1] = 1.0
    result = qconv.convolve(dot, EDGE, shots=None, mode="same", **how)
    return np.abs(result.image) / np.abs(EDGE).sum()


def test_distance_of_the_distribution():
    """Total variation distances of two noisy distributions from the propagator.

    The circuits are qconv's and Qiskit's. Qiskit's is transpiled with Qiskit's defaults and ten
    seeds.
    """
    backend = fake.FakeMarrakesh()
    noise = noise_of(backend)
    p = np.zeros((4, 4))
    p[:3, :3] = np.abs(EDGE) / np.abs(EDGE).sum()

    def distance(probabilities):
        return 0.5 * np.abs(probabilities - p.ravel()).sum()

    ours = qconv.encode_amplitudes(np.sqrt(p[:3, :3])).measure_all(inplace=False)
    found = distance(noisy_probabilities(physical(ours, backend), noise, None))
    theirs = QuantumCircuit(4)
    theirs.append(StatePreparation(np.sqrt(p).ravel()), range(4))
    theirs.measure_all()
    others = []
    for seed in range(10):
        manager = generate_preset_pass_manager(2, backend=backend, seed_transpiler=seed)
        others.append(distance(noisy_probabilities(Physical(manager.run(theirs)), noise, None)))
    middle = float(np.median(others))
    kept = distance(np.pad(propagator_of(backend=backend), (0, 1)).ravel())
    corrected = propagator_of(backend=backend, mitigation="readout")
    left = distance(np.pad(corrected, (0, 1)).ravel())
    print(
        f"\ntotal variation distance: {found:.4f}; StatePreparation {middle:.4f} "
        f"({min(others):.4f} to {max(others):.4f}): {found / middle:.2f} (goal 0.5)\n"
        f"without what is no position of the kernel: {kept:.4f}; readout corrected: {left:.4f} "
        "(goal 0.012)"
    )
    assert found < 0.5 * middle
    assert left < 0.012


def test_standard_errors_with_mitigation(camera):
    """The device's readout noise alone: 65,536 pixels, ten runs with separate calibrations."""
    model = NoiseModel()
    for qubits, error in noise_of(fake.FakeMarrakesh())._local_readout_errors.items():
        model.add_readout_error(error, qubits)
    backend = AerSimulator(noise_model=model)
    where = {"mode": "same", "boundary": "symm"}
    exact = qconv.convolve(camera, EDGE, shots=None, **where).image
    scores = []
    for seed in range(10):
        result = qconv.convolve(
            camera, EDGE, shots=1000, backend=backend, seed=seed, mitigation="readout", **where
        )
        noisy = result.stderr > 0
        scores.append((result.image - exact)[noisy] / result.stderr[noisy])
    z = np.concatenate(scores)
    covered = np.mean(np.abs(z) < 1.96)
    print(f"\nmean of z^2 {np.mean(z**2):.4f} (goal 1 +- 0.02), covered {100 * covered:.2f} %")
    assert abs(np.mean(z**2) - 1) < 0.02
    assert abs(covered - 0.95) < 0.01
