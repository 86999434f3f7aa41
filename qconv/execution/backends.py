"""Backends: what can be asked of them, and circuits made ready for them."""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

from qiskit import QuantumCircuit
from qiskit.primitives import BaseSamplerV2
from qiskit.providers import BackendV2
from qiskit.result import Result
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

Backend: TypeAlias = BackendV2 | BaseSamplerV2 | None

#: How deep gates may be made of gates.
_DEEPEST = 50

#: States of at most as many qubits are simulated by one thread: several would wait for each other
#: at every gate, for longer than they save, and far longer where other programs use the cores.
_PARALLEL_QUBITS = 19


def check_backend(backend: object) -> None:
    """Raise a ``TypeError`` unless ``backend`` is something that circuits can run on."""
    if not isinstance(backend, BackendV2 | BaseSamplerV2 | None):
        raise TypeError(
            "backend: expected None (the ideal Aer simulator), a qiskit BackendV2 or a "
            f"BaseSamplerV2, got {backend!r}"
        )


def is_ideal(backend: Backend) -> bool:
    """Whether the backend is an Aer simulator without noise, whose probabilities can be asked."""
    return backend is None or (
        isinstance(backend, AerSimulator) and backend.options.noise_model is None
    )


def noise_name(backend: Backend) -> str:
    """A text that tells backends apart whose expectations differ; empty for ideal simulators.

    Samplers do not say how they are made, so they go by their kind.
    """
    if is_ideal(backend):
        return ""
    model = getattr(getattr(backend, "options", None), "noise_model", None)
    noise = repr(model.to_dict(serializable=True)) if isinstance(model, NoiseModel) else ""
    return f"{type(backend).__name__} {getattr(backend, 'name', '')} {noise}"


def is_statevector(backend: Backend) -> bool:
    """Whether the backend simulates a state vector without noise and takes circuits as they are.

    Such a simulator knows arrays as instructions (``initialize``, ``diagonal``) and gates of any
    number of controls.
    """
    return backend is None or (
        isinstance(backend, AerSimulator)
        and is_ideal(backend)
        and backend.options.method in ("automatic", "statevector")
        and backend.coupling_map is None
    )


@cache
def ideal_simulator() -> AerSimulator:
    """The simulator that ``backend=None`` stands for."""
    return AerSimulator(method="statevector", statevector_parallel_threshold=_PARALLEL_QUBITS)


@cache
def _known_names() -> frozenset[str]:
    """Instructions that Aer's state vectors know."""
    return frozenset({*ideal_simulator().operation_names, "barrier", "measure"})


def known_to_aer(circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit with every gate taken apart that an Aer simulator does not know."""
    known = _known_names()
    for _ in range(_DEEPEST):
        unknown = {item.name for item in circuit if item.name not in known}
        if not unknown:
            break
        circuit = circuit.decompose(list(unknown))
    return circuit


def require_success(result: Result) -> None:
    """Raise a ``RuntimeError`` with the backend's own words if a job failed."""
    if not result.success:
        details = "; ".join(str(part.status) for part in result.results) or result.status
        raise RuntimeError(f"the simulator failed: {details}")
