"""Declarations of an adapter, and return types of its functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from qiskit import transpile


@dataclass(frozen=True)
class Peer:
    """A method and the jobs that it can do."""

    name: str
    source: str
    """Paper, or package and class."""
    jobs: Mapping[str, Callable]
    """Name of each job, with the function that runs it; the job's file documents the call."""
    package: str | None = None
    """Distribution whose version is printed; None for a method written from its paper."""
    kind: str = "peer"
    """``"own"`` for methods of qconv, ``"classical"`` for exact references."""
    seconds: int = 300
    """Limit of CPU time, in seconds."""

    def version(self):
        """Return the version of the package; None without a package, or if it is not installed."""
        try:
            return version(self.package) if self.package else None
        except PackageNotFoundError:
            return None


@dataclass(frozen=True)
class Filtered:
    """A filtered image and its cost."""

    image: np.ndarray
    calls: int
    """Applications of the state preparation; executions, where each applies it once."""
    qubits: int
    two_qubit_gates: int | None
    """CX of the largest circuit, loading included; None if it was not built."""
    stderr: np.ndarray | None = None
    """Standard errors; None if the method states none."""
    success: float = 1.0
    signed: bool = True
    """False if only magnitudes are estimated."""
    loads: bool = True
    """False if the state holds the kernel alone, and pixels are selected classically."""
    seconds: float | None = None
    """CPU time of the run; None if the time of the whole row is used."""


def count(circuit):
    """Return the CX of a circuit after transpiling to rz, sx, x, cx, and the result."""
    gates = transpile(
        circuit, basis_gates=["rz", "sx", "x", "cx"], optimization_level=2, seed_transpiler=1
    )
    return gates.count_ops().get("cx", 0), gates
