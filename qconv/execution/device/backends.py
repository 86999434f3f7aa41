"""Backends: their properties, and circuits prepared for Aer."""

from __future__ import annotations

import hashlib
import secrets
import weakref
from functools import cache
from typing import TypeAlias

from qiskit import QuantumCircuit
from qiskit.primitives import BaseSamplerV2, StatevectorSampler
from qiskit.providers import BackendV2
from qiskit.result import Result
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel

Backend: TypeAlias = BackendV2 | BaseSamplerV2 | None

#: Modules that define fake backends; classes derived from them elsewhere may behave differently.
_IMITATIONS = ("qiskit.providers.fake_provider", "qiskit_ibm_runtime.fake_provider")

#: For each noise model, by id: the model, its errors when the digest was computed, and the digest.
_digests: dict[int, tuple[weakref.ref[NoiseModel], list[object], str]] = {}

#: Names of samplers whose backend is unknown, which differ between samplers.
_unknown: weakref.WeakKeyDictionary[BaseSamplerV2, str] = weakref.WeakKeyDictionary()

#: Largest rounding errors of probabilities, with single and with double precision.
_SINGLE, _DOUBLE = 1e-4, 1e-9

#: Maximum depth of nested gate definitions.
_DEEPEST = 50

#: Maximum number of qubits of a state that one thread simulates. Several threads would wait for
#: each other at every gate, which costs more time than they save, and far more if other programs
#: use the cores.
_PARALLEL_QUBITS = 19


def check_backend(backend: object) -> None:
    """Raise a ``TypeError`` unless circuits can run on ``backend``."""
    if not isinstance(backend, BackendV2 | BaseSamplerV2 | None):
        raise TypeError(
            "backend: expected None (the ideal Aer simulator), a qiskit BackendV2 or a "
            f"BaseSamplerV2, got {backend!r}"
        )


def require_available(backend: Backend) -> None:
    """Raise a ``ValueError`` if Aer cannot use the device of a simulator here, such as a GPU."""
    target = sampler_target(backend) if isinstance(backend, BaseSamplerV2) else backend
    if not isinstance(target, AerSimulator):
        return
    device, available = target.options.device, target.available_devices()
    if str(device).upper() not in map(str.upper, available):
        raise ValueError(
            f"backend: expected a device on which Aer can simulate here ({', '.join(available)}), "
            f"got {device!r}; a GPU needs its driver and a build of Aer such as qiskit-aer-gpu"
        )


def rounding(backend: Backend) -> float:
    """Return the largest error of simulated probabilities that is due to rounding."""
    single = isinstance(backend, AerSimulator) and backend.options.precision == "single"
    return _SINGLE if single else _DOUBLE


def is_ideal(backend: Backend) -> bool:
    """Return whether the backend is a noiseless Aer simulator, which returns probabilities."""
    return backend is None or (
        isinstance(backend, AerSimulator) and backend.options.noise_model is None
    )


def noise_name(backend: Backend) -> str:
    """Return a string that distinguishes backends with different expectations; empty if ideal.

    A sampler has the name of the backend on which it runs. A sampler that does not report its
    backend has a name of its own, so that its results are not mistaken for results of another
    sampler.
    """
    if is_ideal(backend):
        return ""
    if isinstance(backend, BaseSamplerV2):
        target = sampler_target(backend)
        if target is None and isinstance(backend, StatevectorSampler):
            return type(backend).__name__
        inner = _name_of_unknown(backend) if target is None else noise_name(target)
        return f"{type(backend).__name__} {inner}"
    model = getattr(getattr(backend, "options", None), "noise_model", None)
    noise = ""
    if isinstance(backend, BackendV2) and is_imitation(backend):
        noise = _rates(backend)
    elif isinstance(model, NoiseModel):
        noise = _digest(model)
    return f"{type(backend).__name__} {getattr(backend, 'name', '')} {noise}"


def sampler_target(sampler: BaseSamplerV2) -> BackendV2 | None:
    """Return the backend that a sampler runs on; None if it does not report one."""
    target = getattr(sampler, "backend", None) or getattr(sampler, "_backend", None)
    target = target() if callable(target) else target
    return target if isinstance(target, BackendV2) else None


def _name_of_unknown(sampler: BaseSamplerV2) -> str:
    """Return a name that no other sampler has, the same for each call."""
    return _unknown.setdefault(sampler, secrets.token_hex(8))


def is_imitation(backend: Backend) -> bool:
    """Return whether a backend is a fake backend of Qiskit, with noise given by its properties."""
    return type(backend).__module__.startswith(_IMITATIONS)


def _rates(backend: BackendV2) -> str:
    """Return a digest of a fake backend's reported errors, which determine its noise."""
    target = backend.target
    rates = [
        f"{name} {qubits} {getattr(known, 'error', None)} {getattr(known, 'duration', None)}"
        for name in target.operation_names
        for qubits, known in (target[name] or {}).items()
    ]
    return hashlib.blake2b("\n".join(rates).encode(), digest_size=16).hexdigest()


def _digest(model: NoiseModel) -> str:
    """Return a digest of a noise model, cached because it takes seconds for a large device.

    A model that was changed in place consists of other errors, and gets another digest.
    """
    errors: list[object] = [model._default_readout_error]
    errors += model._default_quantum_errors.values()
    errors += model._local_readout_errors.values()
    errors += (e for local in model._local_quantum_errors.values() for e in local.values())
    known = _digests.get(id(model))
    if (
        known is not None
        and known[0]() is model
        and list(map(id, known[1])) == list(map(id, errors))
    ):
        return known[2]
    text = repr(model.to_dict(serializable=True)).encode()
    digest = hashlib.blake2b(text, digest_size=16).hexdigest()
    _digests[id(model)] = (weakref.ref(model), errors, digest)
    return digest


def is_statevector(backend: Backend) -> bool:
    """Return whether the backend is a noiseless state-vector simulator of untranspiled circuits.

    Such a simulator supports arrays as instructions (``initialize``, ``diagonal``) and gates with
    any number of controls.
    """
    return backend is None or (
        isinstance(backend, AerSimulator)
        and is_ideal(backend)
        and backend.options.method in ("automatic", "statevector")
        and backend.coupling_map is None
    )


@cache
def ideal_simulator(alone: int = _PARALLEL_QUBITS) -> AerSimulator:
    """Return the simulator for ``backend=None``.

    Args:
        alone: Maximum number of qubits of a state that one thread simulates.
    """
    return AerSimulator(method="statevector", statevector_parallel_threshold=alone)


@cache
def _known_names() -> frozenset[str]:
    """Return the names of the instructions of Aer's state-vector simulator."""
    return frozenset({*ideal_simulator().operation_names, "barrier", "measure"})


def known_to_aer(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit with every gate decomposed that Aer does not support."""
    known = _known_names()
    for _ in range(_DEEPEST):
        unknown = {item.name for item in circuit if item.name not in known}
        if not unknown:
            break
        circuit = circuit.decompose(list(unknown))
    return circuit


def require_success(result: Result) -> None:
    """Raise a ``RuntimeError`` with the backend's message if a job failed."""
    if not result.success:
        details = "; ".join(str(part.status) for part in result.results) or result.status
        raise RuntimeError(f"the simulator failed: {details}")
