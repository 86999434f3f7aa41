"""Programs: circuits to be built, with the number of executions and the outcomes to keep."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Qubit

from qconv._checks import whole_number


@dataclass(frozen=True, eq=False)
class Saving:
    """One circuit that saves the probabilities of several programs.

    An ideal simulator simulates this circuit once instead of each program's circuit.
    """

    build: Callable[[], QuantumCircuit]
    """Function that builds the circuit; each ``save_probabilities`` has a label."""
    complete: Callable[[dict[str, NDArray[np.float64]]], dict[str, NDArray[np.float64]]]
    """Function that returns the probabilities of all programs, by label, given the probabilities
    that the circuit saved, by label."""


@dataclass(frozen=True, eq=False)
class Steps:
    """Equal steps of a circuit, so that the gates of many steps need not all be counted."""

    number: int
    """Number of steps."""
    build: Callable[[int], QuantumCircuit]
    """Function that builds the same circuit with another number of steps."""


@dataclass(frozen=True, eq=False)
class Program:
    """One circuit, not yet built, with its number of executions and the outcomes to keep.

    Example:
        >>> import numpy as np
        >>> import qconv
        >>> coin = qconv.encode_amplitudes([3, 4])
        >>> program = qconv.Program(coin.copy, executions=1000, seed=np.random.SeedSequence(7))
        >>> program.circuit().num_clbits
        1
    """

    build: Callable[[], QuantumCircuit]
    """Function that builds the circuit without measurement. It must return a new circuit at every
    call, such as a copy, because the measurement is appended to the circuit."""
    executions: int | None
    """Number of executions; None for exact outcome probabilities."""
    seed: np.random.SeedSequence
    """Seed of the program's random draws, and of its jobs on a backend that takes a seed."""
    measured: int | None = None
    """Number of qubits to measure at the end, counted from the first qubit; None for all qubits."""
    oracle_calls: int = 1
    """Number of applications of the state preparation or its inverse, per execution."""
    keep: NDArray[np.bool_] | None = None
    """Mask of the outcomes of the ideal circuit, shape ``(2**measured,)``. Other outcomes are
    discarded, and the circuit runs until ``executions`` outcomes are kept. None keeps all
    outcomes."""
    portions: tuple[int, ...] = ()
    """Sizes of the requested histograms, which sum to ``executions``; empty for one histogram."""
    saved: tuple[Saving, str] | None = None
    """Circuit that saves this program's probabilities, and the label of the probabilities in that
    circuit; None if no circuit does so."""
    steps: Steps | None = None
    """Repeated part of the circuit; None if no part is repeated."""

    def __post_init__(self) -> None:
        if self.executions is not None:
            object.__setattr__(self, "executions", whole_number(self.executions, "executions", 1))
        if self.measured is not None:
            whole_number(self.measured, "measured", 1)

    def built(self) -> QuantumCircuit:
        """Build the circuit without measurement.

        Raises:
            ValueError: If the circuit has classical bits (the measurement is appended later), or if
                ``keep`` has the wrong shape. This error is also raised if the circuit resets
                qubits, or initialises qubits that were used before. The outcome probabilities of
                such a circuit cannot be computed in one simulation.
        """
        circuit = self.build()
        if circuit.num_clbits:
            raise ValueError(
                "build: expected a circuit without classical bits, got "
                f"{circuit.num_clbits} classical bits; the measurement is appended later"
            )
        used: set[Qubit] = set()
        for item in circuit:
            again = item.name == "initialize" and used & set(item.qubits)
            if again or item.name in ("reset", "measure"):
                raise ValueError(
                    "build: expected a circuit without reset, and without initialize on qubits "
                    f"used before, got {item.name}"
                )
            if item.name != "barrier":
                used |= set(item.qubits)
        outcomes = 2 ** self.measurement(circuit)
        if self.keep is not None and self.keep.shape != (outcomes,):
            raise ValueError(
                f"keep: expected {outcomes} bools, one for each outcome, got shape "
                f"{self.keep.shape}"
            )
        return circuit

    def measurement(self, circuit: QuantumCircuit) -> int:
        """Return the number of qubits that this program measures in a circuit."""
        return int(circuit.num_qubits) if self.measured is None else self.measured

    def circuit(self) -> QuantumCircuit:
        """Build the circuit with its measurement into the register ``meas``."""
        circuit = self.built()
        append_measurement(circuit, self.measurement(circuit))
        return circuit


class HasPrograms(Protocol):
    """Object with programs to run: a `Prepared` object, or a plan of numbers."""

    @property
    def programs(self) -> Iterable[Program]:
        """Programs to run, in order."""


def append_measurement(circuit: QuantumCircuit, measured: int) -> None:
    """Append a measurement of the first ``measured`` qubits to a circuit."""
    bits = ClassicalRegister(measured, "meas")
    circuit.add_register(bits)
    circuit.barrier()
    circuit.measure(circuit.qubits[:measured], bits)
