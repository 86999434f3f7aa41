"""CX to load photographs at equal fidelity: qconv, qclib and PennyLane; prints a table.

    pip install qclib "pennylane<0.46" autoray==0.8.4
    OMP_NUM_THREADS=1 python -m pytest tests/benchmarks/test_loading_peers.py -s

Every peer loads each photograph twice: with its qubits in row-major order, and in the order of the
chain: finest row ... coarsest row, coarsest column ... finest column. Among its circuits that reach
the fidelity, the circuit with the fewest CX is taken. All circuits are transpiled to rz, sx, x, cx
by Qiskit, at optimisation level 2, and simulated as state vectors. PennyLane's decomposition
consists of unitaries on a few qubits, which Qiskit decomposes into gates.
"""

from importlib.metadata import version

import numpy as np
import pytest

import qconv
from tests.benchmarks.peers.adapters.pennylane_loaders import mps_prep
from tests.benchmarks.peers.adapters.qclib_loaders import bounded, low_rank
from tests.benchmarks.peers.jobs.loading import measured, orders
from tests.benchmarks.peers.jobs.pictures import picture

NEEDS = "the peers are not installed: pip install qclib pennylane autoray==0.8.4"
pytest.importorskip("qclib.state_preparation", reason=NEEDS)
pytest.importorskip("pennylane", reason=NEEDS)

#: Picture and fidelity. BAA needs 303 CX for 0.979 of camera, and 441 for 0.98.
GOALS = [("camera", 0.979), ("coins", 0.97), ("astronaut", 0.946)]
SHARE = 0.25  # maximum ratio of qconv's CX to those of the best peer


def peers(amplitudes, order, fidelity):
    """Return the circuits of every peer; low rank uses the fewest Schmidt terms that suffice."""
    side = int(np.sqrt(amplitudes.size))
    singular = np.linalg.svd(amplitudes.reshape(side, side), compute_uv=False)
    fewest = 1 + int(np.searchsorted(np.cumsum(singular**2), fidelity))
    yield f"qclib {version('qclib')}, BAA", bounded(amplitudes, order, (1 - fidelity,))
    yield f"qclib {version('qclib')}, low rank", low_rank(amplitudes, order, (fewest,))
    yield f"PennyLane {version('pennylane')}, MPSPrep", mps_prep(amplitudes, order)


@pytest.mark.parametrize(("name", "fidelity"), GOALS)
def test_peers(name, fidelity):
    image = picture(name, 64)
    loaded = qconv.encode_image(image, fidelity=fidelity, seed=1)
    print(f"\n{name}, fidelity at least {fidelity}, Qiskit {version('qiskit')}")
    print(f"  {'qconv':32} {loaded.two_qubit_gates:5} CX, fidelity {loaded.fidelity:.4f}")
    fewest = []
    for order, amplitudes, _ in orders(image):
        for peer, circuits in peers(amplitudes, order, fidelity):
            every = [measured(circuit, amplitudes)[::2] for circuit in circuits]
            enough = [(gates, found) for gates, found in every if found >= fidelity]
            if enough:
                gates, found = min(enough)
                fewest.append(gates)
                print(f"  {f'{peer}, {order}':32} {gates:5} CX, fidelity {found:.4f}")
            else:
                gates, found = max(every, key=lambda one: one[1])
                print(f"  {f'{peer}, {order}':32} {gates:5} CX, fidelity {found:.4f} only")
    share = loaded.two_qubit_gates / min(fewest)
    print(f"  qconv needs {share:.2f} times the CX of the best peer")
    assert share <= SHARE
