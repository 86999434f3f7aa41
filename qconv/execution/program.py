"""Programs: a circuit that can be built, how often it is to run, and what of it counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Qubit

from qconv._checks import whole_number


@dataclass(frozen=True, eq=False)
class Saving:
    """One circuit that saves the probabilities of several programs on its way.

    A simulator that knows the law of its outcomes then simulates it once in place of theirs.
    """

    build: Callable[[], QuantumCircuit]
    """Makes the circuit; every ``save_probabilities`` has the label of a program."""


@dataclass(frozen=True, eq=False)
class Program:
    """One circuit, not yet built, and how it is to run.

    Example:
        >>> import numpy as np
        >>> import qconv
        >>> coin = qconv.encode_amplitudes([3, 4])
        >>> program = qconv.Program(lambda: coin, executions=1000, seed=np.random.SeedSequence(7))
        >>> program.circuit().num_clbits
        1
    """

    build: Callable[[], QuantumCircuit]
    """Makes the circuit, without measurement: a new one at every call."""
    executions: int | None
    """How often to run it; None for the exact law of its outcomes."""
    seed: np.random.SeedSequence
    """Of the jobs that run it, where a backend takes a seed."""
    measured: int | None = None
    """How many of the first qubits are measured at the end; None for all."""
    oracle_calls: int = 1
    """Applications of the state preparation in one execution."""
    keep: NDArray[np.bool_] | None = None
    """Which outcomes the ideal circuit can give: others are discarded and run again, until as many
    as ``executions`` are kept. None to keep all, and run no more."""
    portions: tuple[int, ...] = ()
    """Sizes of the histograms wanted, sum ``executions``; empty for one of all."""
    saved: tuple[Saving, str] | None = None
    """What saves this program's probabilities among others, under which label."""

    def __post_init__(self) -> None:
        if self.executions is not None:
            object.__setattr__(self, "executions", whole_number(self.executions, "executions", 1))
        if self.measured is not None:
            whole_number(self.measured, "measured", 1)

    def built(self) -> QuantumCircuit:
        """The circuit, without measurement, as it may be.

        Raises:
            ValueError: It measures, resets or sets qubits that were used before, so that its
                outcomes have no law that one simulation knows; or ``keep`` does not fit.
        """
        circuit = self.build()
        if circuit.num_clbits:
            raise ValueError(
                "build: expected a circuit without classical bits, whose first qubits are measured "
                f"for it, got {circuit.num_clbits}"
            )
        used: set[Qubit] = set()
        for item in circuit:
            again = item.name == "initialize" and used & set(item.qubits)
            if again or item.name in ("reset", "measure"):
                raise ValueError(
                    f"build: expected a circuit without {item.name} of qubits that were used before"
                )
            if item.name != "barrier":
                used |= set(item.qubits)
        outcomes = 2 ** self.measurement(circuit)
        if self.keep is not None and self.keep.shape != (outcomes,):
            raise ValueError(
                f"keep: expected {outcomes} truth values, one for each outcome, got shape "
                f"{self.keep.shape}"
            )
        return circuit

    def measurement(self, circuit: QuantumCircuit) -> int:
        """How many qubits of its circuit are measured."""
        return int(circuit.num_qubits) if self.measured is None else self.measured

    def circuit(self) -> QuantumCircuit:
        """The circuit with its measurement, registers named."""
        circuit = self.built()
        append_measurement(circuit, self.measurement(circuit))
        return circuit


def append_measurement(circuit: QuantumCircuit, measured: int) -> None:
    """End a circuit with the measurement of its first qubits, ``measured`` of them."""
    bits = ClassicalRegister(measured, "meas")
    circuit.add_register(bits)
    circuit.barrier()
    circuit.measure(circuit.qubits[:measured], bits)
