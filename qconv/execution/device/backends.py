"""Backends: what can be asked of them, and circuits made ready for them."""

from __future__ import annotations

import hashlib
import weakref
from functools import cache
from typing import TypeAlias

from qiskit import QuantumCircuit
from qiskit.primitives import BaseSamplerV2
from qiskit.providers import BackendV2
from qiskit.result import Result
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

Backend: TypeAlias = BackendV2 | BaseSamplerV2 | None

#: Where imitated devices are defined; classes derived from them elsewhere may do more.
_IMITATIONS = ("qiskit.providers.fake_provider", "qiskit_ibm_runtime.fake_provider")

#: Of noise models: which, its numbers of errors, and the digest.
_digests: dict[int, tuple[weakref.ref[NoiseModel], tuple[int, ...], str]] = {}

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
    noise = ""
    if isinstance(backend, BackendV2) and is_imitation(backend):
        noise = _rates(backend)
    elif isinstance(model, NoiseModel):
        noise = _digest(model)
    return f"{type(backend).__name__} {getattr(backend, 'name', '')} {noise}"


def is_imitation(backend: Backend) -> bool:
    """Whether it is a device imitated by Qiskit, whose noise follows from what it is."""
    return type(backend).__module__.startswith(_IMITATIONS)


def _rates(backend: BackendV2) -> str:
    """A text for what a device reports of its errors, from which its noise is made."""
    target = backend.target
    rates = [
        f"{name} {qubits} {getattr(known, 'error', None)} {getattr(known, 'duration', None)}"
        for name in target.operation_names
        for qubits, known in (target[name] or {}).items()
    ]
    return hashlib.blake2b("\n".join(rates).encode(), digest_size=16).hexdigest()


def _digest(model: NoiseModel) -> str:
    """A text for a noise model's errors; of a large device it takes seconds, so it is kept."""
    size = (len(model._local_readout_errors), *map(len, model._local_quantum_errors.values()))
    known = _digests.get(id(model))
    if known is None or known[0]() is not model or known[1] != size:
        text = repr(model.to_dict(serializable=True)).encode()
        known = (weakref.ref(model), size, hashlib.blake2b(text, digest_size=16).hexdigest())
        _digests[id(model)] = known
    return known[2]


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
def ideal_simulator(alone: int = _PARALLEL_QUBITS) -> AerSimulator:
    """The simulator that ``backend=None`` stands for.

    Args:
        alone: Qubits up to which it takes one thread.
    """
    return AerSimulator(method="statevector", statevector_parallel_threshold=alone)


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
