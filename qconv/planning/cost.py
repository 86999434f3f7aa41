"""Costs: what running a plan takes, counted on its circuits before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.providers import BackendV2

from qconv._checks import numpy_defaults
from qconv.circuits.registers import PREPARATIONS
from qconv.circuits.resources import Resources, resources
from qconv.execution.simulate.probabilities import state_memory
from qconv.planning.method import Prepared

#: Qubits up to which a preparation or a diagonal is taken apart and counted; above, it has a
#: formula.
_COUNTED_QUBITS = 6

_PREPARING = "preparing the image"

#: Instructions of many numbers: what they are for, and what they take at most if they are large.
_FORMULAS: dict[str, tuple[str, Callable[[int], int]]] = {
    "diagonal": ("the diagonal", lambda n: 2**n - 2),
    "ucry": ("rotating by the image", lambda n: 2 ** (n - 1)),
    **dict.fromkeys(PREPARATIONS, (_PREPARING, lambda n: 2**n - n - 1)),
}


@dataclass(frozen=True)
class Cost:
    """What running a plan takes.

    Gates are counted on the costliest circuit as a device would run it: transpiled to
    ``rz, sx, x, cx``, or for the plan's backend if it is a ``BackendV2`` that is not simulated
    without noise. Preparations, diagonals and multiplexed rotations of more than six qubits are
    counted by formula, as upper bounds: a state of ``n`` qubits takes at most ``2**n - n - 1``
    controlled NOTs (Iten et al. 2016, arXiv:1501.06911), a diagonal ``2**n - 2`` (Bullock and
    Markov 2004, quant-ph/0303039), a rotation of one qubit multiplexed by the others ``2**(n - 1)``
    (Mottonen et al. 2004, quant-ph/0404089).

    Example:
        >>> import qconv
        >>> kernel = qconv.named_kernel("gaussian")
        >>> plan = qconv.plan(
        ...     [[1, 2], [3, 4]], kernel, method=qconv.Diffusion(), mode="same", shots=100
        ... )
        >>> plan.cost.qubits, plan.cost.executions, plan.cost.oracle_calls
        (8, 400, 400)
        >>> round(plan.cost.expected_success, 4)  # the others leave the image
        0.5625
    """

    qubits: int
    """Of the largest circuit where it runs, ancillas included."""
    circuits: int
    """How many circuits run."""
    executions: int
    """How often they run, all together, with those that calibrate the readout; 0 for the exact
    expectation."""
    oracle_calls: int
    """Applications of the state preparation, all together."""
    expected_success: float | None
    """Probability that an execution is of use; None if the method predicts none."""
    rmse: float | None
    """Root mean square error of the pixels to be expected, in the unit of the result; 0 if exact,
    None if the method predicts none. Of sampling, without what noise gets wrong."""
    memory: int
    """Bytes that simulating the largest circuit takes, and knowing its outcomes' law."""
    filtering: Resources
    """Of the circuit on a device, without the preparation of the image and what `bounds` has."""
    preparation: Resources
    """Of the preparation of the image, if it is not among `bounds`."""
    bounds: Mapping[str, int]
    """Two-qubit gates that were counted by formula, at most, by what they are for."""

    @property
    def two_qubit_gates(self) -> int:
        """Two-qubit gates, preparation of the image included; an upper bound if any of `bounds`."""
        return self.filter_gates + self.preparation.two_qubit_gates + self.bounds.get(_PREPARING, 0)

    @property
    def two_qubit_depth(self) -> int:
        """Longest chain of these; an upper bound if there are any `bounds`."""
        return self.filter_depth + self.preparation.two_qubit_depth + self.bounds.get(_PREPARING, 0)

    @property
    def filter_gates(self) -> int:
        """Two-qubit gates without the preparation of the image."""
        return self.filtering.two_qubit_gates + self._filter_bounds

    @property
    def filter_depth(self) -> int:
        """Longest chain of these."""
        return self.filtering.two_qubit_depth + self._filter_bounds

    @property
    def _filter_bounds(self) -> int:
        return sum(gates for name, gates in self.bounds.items() if name != _PREPARING)

    @numpy_defaults
    def __str__(self) -> str:
        most = "at most " if self.bounds else ""
        filter_most = "at most " if self._filter_bounds else ""
        rows = [
            ("circuits", f"{self.circuits:,}"),
            ("executions", f"{self.executions:,}"),
            ("oracle calls", f"{self.oracle_calls:,}"),
            ("expected success", _number(self.expected_success)),
            ("expected error (rmse)", _number(self.rmse)),
            ("qubits", f"{self.qubits} (counted for a device: {self.filtering.qubits})"),
            ("two-qubit gates", f"{most}{self.two_qubit_gates:,}"),
            ("  without the image", f"{filter_most}{self.filter_gates:,}"),
            ("two-qubit depth", f"{most}{self.two_qubit_depth:,}"),
            ("  without the image", f"{filter_most}{self.filter_depth:,}"),
            ("memory to simulate", f"{self.memory / 2**20:,.1f} MiB"),
        ]
        return "\n".join(f"{name:<26}{text}" for name, text in rows)

    @property
    def on_device(self) -> str:
        """A table of the circuit's gates on a device, and what comes to that by formula."""
        lines = [f"{name}: at most {n:,} two-qubit gates more" for name, n in self.bounds.items()]
        if self.preparation.two_qubit_gates:
            more = f"{self.preparation.two_qubit_gates:,} two-qubit gates more"
            lines.append(f"{_PREPARING}: {more}")
        return "\n".join([str(self.filtering), *lines])


def _root_mean_square(numbers: NDArray[np.float64]) -> float:
    """Of numbers >= 0, whatever their scale."""
    largest = float(numbers.max()) or 1.0
    return largest * float(np.sqrt(np.mean(np.square(numbers / largest))))


def _number(value: float | None) -> str:
    return "not predicted" if value is None else f"{value:.6g}"


def cost_of(work: Prepared[Any], on_device: Prepared[Any]) -> Cost:
    """Count what a plan costs; builds its circuits, runs nothing.

    Args:
        work: The plan's work.
        on_device: The work for the same plan, its circuits as on a device.
    """
    plan = work.plan
    programs = list(work.programs)
    prediction = work.predict()
    largest = work.costliest
    qubits = work.num_qubits
    measured = qubits if largest is None or largest.measured is None else largest.measured
    counted = on_device.costliest
    backend = plan.sampling.backend
    backend = backend if isinstance(backend, BackendV2) else None
    circuit = QuantumCircuit(1) if counted is None else counted.build()
    filtering, preparation, bounds = _counted(circuit, None if plan.simulated else backend)
    first = (programs[0].executions or 0) if programs else 0
    mitigation = plan.sampling.mitigation
    calibration = 0 if mitigation is None else mitigation.executions(first)
    return Cost(
        qubits=qubits,
        circuits=len(programs),
        executions=sum(program.executions or 0 for program in programs) + calibration,
        oracle_calls=sum((program.executions or 0) * program.oracle_calls for program in programs),
        expected_success=prediction.success,
        rmse=None if prediction.stderr is None else _root_mean_square(prediction.stderr),
        memory=state_memory(qubits, measured) if programs else 0,
        filtering=filtering,
        preparation=preparation,
        bounds=bounds,
    )


def _counted(
    circuit: QuantumCircuit, backend: BackendV2 | None
) -> tuple[Resources, Resources, dict[str, int]]:
    """Resources of a circuit: of what filters, of what prepares, and what is too large to count."""
    preparing, filtering = circuit.copy_empty_like(), circuit.copy_empty_like()
    bounds: dict[str, int] = {}
    for item in circuit:
        purpose, most = _FORMULAS.get(item.name, ("", int))
        part = preparing if purpose == _PREPARING else filtering
        if purpose and len(item.qubits) > _COUNTED_QUBITS:
            part.barrier()  # what it stood between would cancel
            bounds[purpose] = bounds.get(purpose, 0) + most(len(item.qubits))
        else:
            part.append(item)
    return resources(filtering, backend), resources(preparing, backend), bounds
