"""CX of the adders for three offsets, and of all Qiskit adders; prints a table.

    python -m pytest tests/benchmarks/test_adders.py -s

Qiskit's adders add two registers of the same size; here the offset would be padded by qubits in
|0>. They add modulo ``2**n`` if possible. Adders that always have a carry out are marked with a
star. The ladder adds each bit of the offset by multi-controlled X gates, without ancillas.
"""

import warnings

import pytest
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import library
from qiskit.synthesis import arithmetic

from qconv.circuits.arithmetic import adder_cost, offset_adder
from qconv.circuits.resources import resources

# Warnings from Qiskit's own circuits, which Qiskit 2.0 still builds with deprecated classes.
pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")

SIZES = range(3, 11)
NUM_OFFSETS = 3


def ladder(num_bits):
    position, offset = QuantumRegister(num_bits), QuantumRegister(2)
    circuit = QuantumCircuit(position, offset)
    for low, addend in enumerate(offset):
        for high in reversed(range(low, num_bits)):
            controls = [addend, *position[low:high]]
            circuit.append(library.MCXGate(len(controls)), [*controls, position[high]])
    return circuit


def as_circuit(gate):
    circuit = QuantumCircuit(gate.num_qubits)
    circuit.append(gate, circuit.qubits)
    return circuit


def with_class(name, num_bits):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return getattr(library, name)(num_bits, kind="fixed").decompose()


QISKIT = {  # column: function from a number of bits to a circuit; None if Qiskit lacks it
    "c04": lambda n: arithmetic.adder_ripple_c04(n, "fixed"),
    "v95": lambda n: arithmetic.adder_ripple_v95(n, "fixed"),
    "d00": lambda n: arithmetic.adder_qft_d00(n, "fixed"),
    "r25*": lambda n: arithmetic.adder_ripple_r25(n),
    "v17": lambda n: arithmetic.adder_modular_v17(n),
    "CDKM": lambda n: with_class("CDKMRippleCarryAdder", n),
    "Draper": lambda n: with_class("DraperQFTAdder", n),
    "VBE": lambda n: with_class("VBERippleCarryAdder", n),
    "Modular": lambda n: as_circuit(library.ModularAdderGate(n)),
    "Half*": lambda n: as_circuit(library.HalfAdderGate(n)),
    "Full*": lambda n: as_circuit(library.FullAdderGate(n)),
    "ladder": ladder,
}
LACKING = {
    column
    for column, name in [("r25*", "adder_ripple_r25"), ("v17", "adder_modular_v17")]
    if not hasattr(arithmetic, name)
}


def count(circuit):
    return resources(circuit).two_qubit_gates


@pytest.fixture(scope="module")
def table():
    """Number of CX, as ``{bits: {column: CX}}``."""
    kinds = {
        "coherent": {},
        "measured": {"measured": True},
        "fourier": {"family": "fourier"},
    }
    rows = {}
    for n in SIZES:
        rows[n] = {k: count(offset_adder(n, NUM_OFFSETS, **kinds[k])) for k in kinds}
        rows[n] |= {k: count(QISKIT[k](n)) for k in QISKIT if k not in LACKING}
    return rows


def test_fewer_cx_than_every_adder_of_qiskit(table):
    columns = list(table[SIZES[0]])
    print(f"\nCX for {NUM_OFFSETS} offsets\nbits" + "".join(f"{column:>10}" for column in columns))
    for n, row in table.items():
        print(f"{n:4}" + "".join(f"{row[column]:10}" for column in columns))
    for n, row in table.items():
        theirs = min(row[column] for column in QISKIT if column in row)
        assert row["measured"] < row["coherent"] < theirs
        assert row["coherent"] == adder_cost(n, NUM_OFFSETS) == 7 * n - 9
        assert row["measured"] == 4 * n - 3


def test_other_numbers_of_offsets():
    offsets = (2, 3, 4, 5, 7, 8, 9, 16)
    print("\nCX coherent / measured\nbits" + "".join(f"{k:>11}" for k in offsets))
    for n in SIZES:
        cells = [f"{adder_cost(n, k)} / {adder_cost(n, k, measured=True)}" for k in offsets]
        print(f"{n:4}" + "".join(f"{cell:>11}" for cell in cells))
        cuccaro = count(arithmetic.adder_ripple_c04(n, "fixed"))
        assert all(adder_cost(n, k) < cuccaro for k in offsets)
