"""What an imitated device of 156 qubits costs, as ratios in one run (extra ``devices``).

python -m pytest tests/benchmarks/test_devices.py -s
"""

import time

import numpy as np
import pytest
from qiskit import QuantumCircuit, generate_preset_pass_manager
from qiskit.circuit.library import StatePreparation
from qiskit.transpiler import PassManager

import qconv
from qconv.execution.noise import noise_of, noisy_law

EDGE = qconv.named_kernel("edge")
fake = pytest.importorskip("qiskit_ibm_runtime.fake_provider", reason="needs the extra `devices`")


def seconds(call):
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def managed(backend) -> PassManager:
    return generate_preset_pass_manager(2, backend=backend, seed_transpiler=0)


def test_whole_call(camera):
    """65 million shots with the device's noise, against one bare shot of the same circuit."""
    where = {"mode": "same", "boundary": "symm"}
    plan = qconv.plan(camera, EDGE, method=qconv.Collapse(), shots=1000, **where)
    for kind in ("the first", "a later"):
        ours, bare = fake.FakeMarrakesh(), fake.FakeMarrakesh()
        physical = managed(bare).run(plan.circuits[0])
        if kind == "a later":  # their noise models are made
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


def test_distance_of_the_law():
    """Total variation distance of the noisy law from the propagator; that of Qiskit's circuit."""
    backend = fake.FakeMarrakesh()
    noise = noise_of(backend)
    p = np.zeros((4, 4))
    p[:3, :3] = np.abs(EDGE) / np.abs(EDGE).sum()
    ours = qconv.encode_amplitudes(np.sqrt(p[:3, :3]))
    theirs = QuantumCircuit(4)
    theirs.append(StatePreparation(np.sqrt(p).ravel()), range(4))
    found = []
    for circuit in (ours, theirs):
        circuit.measure_all()
        law = noisy_law(circuit, backend, noise, None)
        found.append(0.5 * np.abs(law - p.ravel()).sum())
    ratio = found[0] / found[1]
    print(
        f"\ntotal variation distance: {found[0]:.4f}, StatePreparation {found[1]:.4f}: {ratio:.2f}"
    )
    assert ratio < 0.65  # most of what is left are readout errors, which both have
