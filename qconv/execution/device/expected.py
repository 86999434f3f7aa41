"""Readout errors that are expected before anything runs, to predict the errors of corrected counts.

The errors are known if the call gave the errors of each bit, or if a simulator has the same errors
for all qubits. Otherwise the qubits on which a circuit will be measured are not known yet, and the
mean over the qubits is expected.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives import BaseSamplerV2
from qiskit.providers import BackendV2
from qiskit_aer.noise import NoiseModel, ReadoutError

from qconv.execution.device.backends import sampler_target
from qconv.execution.options import Sampling
from qconv.execution.outcomes.readout import Readout

_Array = NDArray[np.float64]

#: Errors with a larger sum contain hardly any information; such qubits are not selected.
_USELESS = 0.9


def expected_readout(sampling: Sampling, bits: int) -> Readout | None:
    """Return the readout errors that the counts of a circuit's bits will be corrected for.

    None without correction, or if nothing is known about the backend's readout.
    """
    mitigation = sampling.mitigation
    if mitigation is None:
        return None
    pairs: list[Sequence[float]] = []
    if mitigation.errors is None:
        pairs = _reported(sampling.backend)
    else:
        given = mitigation.by_number
        if not mitigation.by_qubit and len(given) >= bits:
            return mitigation.given(None, bits)
        pairs = list(given.values())
    useful = [pair for pair in pairs if sum(pair) < _USELESS]
    if not useful:
        return None
    errors = np.tile(np.mean(useful, axis=0), (bits, 1))
    return Readout(errors, np.zeros_like(errors))


def _reported(backend: object) -> list[Sequence[float]]:
    """Return the readout errors of a backend's qubits: of reading 0 as 1, and 1 as 0."""
    if isinstance(backend, BaseSamplerV2):
        backend = sampler_target(backend)
    noise = getattr(getattr(backend, "options", None), "noise_model", None)
    if isinstance(noise, NoiseModel):
        errors = [*noise._local_readout_errors.values(), noise._default_readout_error]
        return [_pair(error) for error in errors if error is not None and _is_single(error)]
    if not isinstance(backend, BackendV2) or "measure" not in backend.target.operation_names:
        return []
    known = (backend.target["measure"] or {}).values()
    rates = [float(part.error) for part in known if getattr(part, "error", None) is not None]
    return [(rate, rate) for rate in rates]


def _is_single(error: ReadoutError) -> bool:
    return bool(error.number_of_qubits == 1)


def _pair(error: ReadoutError) -> tuple[float, float]:
    """Return the probabilities of reading 0 as 1, and 1 as 0."""
    return float(error.probabilities[0][1]), float(error.probabilities[1][0])
