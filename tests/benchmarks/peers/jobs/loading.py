"""A loaded photograph: fidelity, and the error after a filter, against gates.

A peer's function takes normalised real amplitudes and the name of their order, and yields circuits.
Qubits beyond those of the amplitudes end in 0. Every peer loads two orders of the qubits:
row-major, and chained (finest row ... coarsest row, coarsest column ... finest column). Among the
circuits of both orders with at most the stated CX, the circuit of largest fidelity is taken.
"""

import numpy as np
from qiskit.quantum_info import Statevector

from tests.benchmarks.peers.jobs.filters import KERNELS, exact
from tests.benchmarks.peers.jobs.pictures import picture
from tests.benchmarks.peers.peer import count

SIZE = 64
LIMITS = (50, 100, 5000)  # CX

NAME = "loading"
TITLE = "A loaded photograph"
TEXT = f"""\
The photograph has {SIZE}x{SIZE} pixels. Each row is one circuit with at most the stated CX: the
circuit of largest fidelity that a method found within its time limit. Every method was given the
qubits in row-major order and in the order of the chain (finest row, ..., coarsest row, coarsest
column, ..., finest column). Circuits are transpiled to `rz, sx, x, cx` at optimisation level 2, for
all-to-all coupling, and simulated as state vectors. The errors of the blurred picture and of the
edges are the norm of the difference from the exact result, divided by the norm of the exact
result.
"""
CASES = {"camera": "Camera"}
COLUMNS = [
    ("CX at most", "setting", ",d", None),
    ("CX", "two_qubit_gates", ",d", None),
    ("fidelity", "fidelity", ".4f", "most"),
    ("error of the blur", "blur", ".3f", "least"),
    ("error of the edges", "edges", ".2f", "least"),
    ("order", "order", "", None),
    ("CPU s", "seconds", ".1f", None),
]


def orders(image):
    """Name, normalised amplitudes, and function that converts amplitudes back to an image."""
    bits = image.shape[0].bit_length() - 1
    flat = image.ravel() / np.linalg.norm(image)
    chain = [*range(bits - 1, -1, -1), *range(bits, 2 * bits)]
    cube = flat.reshape((2,) * (2 * bits))
    yield "row-major", flat, lambda found: found.reshape(image.shape)
    yield (
        "chained",
        cube.transpose(chain).ravel(),
        lambda found: found.reshape(cube.shape).transpose(np.argsort(chain)).reshape(image.shape),
    )


def measured(circuit, amplitudes):
    """CX of a circuit, and the state that it prepares, with the global phase of the amplitudes."""
    gates, transpiled = count(circuit)
    state = Statevector(transpiled).data[: amplitudes.size]
    overlap = np.vdot(state, amplitudes)
    return gates, (state * overlap / abs(overlap)).real, abs(overlap) ** 2


def run(function, case, limits=LIMITS):
    """Return one row per CX limit; limits with the same circuit as a smaller limit have no row."""
    image = picture(case, SIZE)
    found = []
    for order, amplitudes, placed in orders(image):
        for circuit in function(amplitudes, order):
            gates, state, fidelity = measured(circuit, amplitudes)
            found.append((fidelity, gates, order, placed(state) * np.linalg.norm(image)))
    rows = []
    for limit in limits:
        kept = [one for one in found if one[1] <= limit]
        if not kept:
            continue
        fidelity, gates, order, loaded = max(kept, key=lambda one: one[0])
        if rows and rows[-1]["two_qubit_gates"] == gates:
            continue
        row = {"setting": limit, "two_qubit_gates": gates, "fidelity": float(fidelity)}
        for name in ("blur", "edges"):
            truth = exact(image, KERNELS[name])
            error = np.linalg.norm(exact(loaded, KERNELS[name]) - truth) / np.linalg.norm(truth)
            row[name] = float(error)
        rows.append(row | {"order": order})
    return rows
