"""Options of measurement: keyword arguments of `convolve` and all similar functions."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from qconv._checks import boolean, shot_number
from qconv.execution.device.backends import Backend
from qconv.execution.options import Sampling
from qconv.execution.outcomes.readout import ReadoutMitigation
from qconv.execution.seeds import Seed
from qconv.planning.allocation import check_tolerance
from qconv.planning.method import Method
from qconv.result.tolerance import Tolerance


class SamplingOptions(TypedDict, total=False):
    """Keyword arguments of measurement, for `convolve` and all similar functions.

    A function that cannot use an argument rejects it and gives the reason.

    Example:
        >>> import qconv
        >>> how: qconv.SamplingOptions = {"shots": 1000, "seed": 7}
        >>> qconv.convolve([0, 10, 20], [1, 2, 1], **how).shots
        1000
        >>> qconv.correlate([0, 10, 20], [1, 2, 1], **how).shots
        1000
    """

    shots: float | None
    """Shots per output pixel, an integer or a float such as 1e6; None for the exact expectation of
    the simulated circuit. Standard errors are then 0, except for `AmplitudeEstimation` on a noisy
    backend. The default without a tolerance is 1024. For `qconv.match_template`, shots are the
    total number of executions, by default 10,000."""
    tolerance: float | tuple[str, float] | None
    """Standard error that no pixel may exceed, in the unit of the result; None for no tolerance.
    ``("rms", error)`` limits the root mean square over all pixels instead. A tolerance
    replaces ``shots``. The call first uses the fewest executions that reach the tolerance according
    to the method's prediction. The prediction includes the correction of readout errors but no
    other noise. Up to three further rounds add shots if more than 0.5 % of the pixels exceed the
    tolerance, or if one pixel exceeds it by a factor above 1.2. A round adds at most the number of
    shots of all rounds before. A tolerance that is then not reached gives a warning.
    ``result.shortfall`` states how many pixels exceed the tolerance, and by which factor.
    `qconv.Collapse` gives every pixel the shots that it needs, and ``result.shots`` is then an
    array. A tolerance that needs more than 10**12 executions is rejected."""
    backend: Backend
    """Backend or sampler that runs the circuits; None for the ideal Aer simulator. For a noisy
    simulator (an ``AerSimulator`` with a noise model, or a fake backend), outcomes are drawn from
    the probabilities computed for the circuit. Any other ``BackendV2`` or ``BaseSamplerV2`` runs
    every execution; an Aer simulator takes about half a second per million. Standard errors exclude
    the systematic error of a noisy backend."""
    seed: Seed
    """Integer, ``SeedSequence`` or ``Generator``; None for fresh randomness. The same seed gives
    the same counts on any number of cores, with any version of NumPy. A ``BackendV2`` gets a seed
    that is derived from this seed, and ignores its own seed. Samplers use their own seeds."""
    job_shots: float | None
    """Maximum number of executions per job on a backend; None for the backend's limit, but at most
    a million. The limit is read from the validator of the backend's options, ``max_shots`` or
    ``configuration()``."""
    mitigation: ReadoutMitigation | str | None
    """Correction of counts for readout errors; None for no correction. ``"readout"`` calibrates the
    errors on the backend; ``total_shots`` includes the calibration circuits. A
    `qconv.ReadoutMitigation` sets the number of calibration executions, or gives known errors.
    Standard errors include the variance of the calibration, and the errors of pixels are then
    correlated. The correction requires a method whose estimate is linear in the counts, and a
    backend that is not ideal."""
    checkpoint: str | os.PathLike[str] | None
    """File in which the call saves intermediate results at intervals; None for no file. If the call
    is interrupted, the same call resumes it, with bit-identical results. The call returns the
    result of a finished checkpoint at once; with more ``shots``, it adds the missing shots. Without
    ``seed``, the checkpoint's seed is used. A checkpoint of a different call is rejected."""
    progress: bool
    """Whether to show a progress bar (needs tqdm); by default False."""


@dataclass(frozen=True, eq=False)
class Requested:
    """Checked options of one call."""

    shots: int | None
    """Shots per output pixel; None for the exact expectation."""
    tolerance: Tolerance | None
    """Requested error; None if shots were requested."""
    sampling: Sampling
    """Options of measurement."""
    checkpoint: str | os.PathLike[str] | None
    """File in which intermediate results are saved; None for no file."""
    progress: bool
    """Whether to show progress bars."""

    @classmethod
    def checked(
        cls,
        given: SamplingOptions,
        method: Method,
        *,
        default_shots: int | None = None,
        refused: Mapping[str, str] | None = None,
    ) -> Requested:
        """Check the options of a call.

        Args:
            given: Keyword arguments of the call.
            method: Method of the call.
            default_shots: Shots without ``shots`` and ``tolerance``; None for the method's default.
            refused: Reasons for which the function rejects arguments, by name; None for no reasons.

        Raises:
            TypeError: If an argument is unknown, rejected or of the wrong type.
            ValueError: If an argument has a wrong value.
        """
        reasons = refused or {}
        for name in given:
            if name not in SamplingOptions.__annotations__:
                raise TypeError(
                    f"{name}: unexpected argument; expected one of "
                    f"{', '.join(SamplingOptions.__annotations__)}"
                )
            if name in reasons:
                raise TypeError(f"{name}: {reasons[name]}")
        tolerance = check_tolerance(given.get("tolerance"))
        if tolerance is not None and "shots" in given:
            raise ValueError(
                f"shots: expected no value with a tolerance, got {given['shots']}; the tolerance "
                "determines the number of shots"
            )
        shots = given.get("shots", default_shots or method.default_shots)
        sampling = Sampling.checked(
            given.get("backend"),
            given.get("seed"),
            given.get("job_shots"),
            given.get("mitigation"),
        )
        if sampling.mitigation is not None and not method.corrects_readout:
            raise ValueError(
                "mitigation: expected a method whose estimate is linear in the counts, got "
                f"{method!r}; only linear estimates can be corrected for readout errors"
            )
        return cls(
            None if shots is None else shot_number(shots, "shots"),
            tolerance,
            sampling,
            given.get("checkpoint"),
            boolean(given.get("progress", False), "progress"),
        )
