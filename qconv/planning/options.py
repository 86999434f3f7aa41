"""Options: the keyword arguments that say how to measure, the same for every verb."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from qconv._checks import boolean, whole_number
from qconv.execution.device.backends import Backend
from qconv.execution.options import Sampling
from qconv.execution.outcomes.readout import ReadoutMitigation
from qconv.execution.seeds import Seed
from qconv.planning.allocation import Tolerance, check_tolerance
from qconv.planning.method import Method


class SamplingOptions(TypedDict, total=False):
    """Keyword arguments that say how to measure, the same for every verb.

    A verb for which an argument means nothing refuses it and says why.

    Example:
        >>> import qconv
        >>> how: qconv.SamplingOptions = {"shots": 1000, "seed": 7}
        >>> qconv.convolve([0, 10, 20], [1, 2, 1], **how).shots
        1000
        >>> qconv.correlate([0, 10, 20], [1, 2, 1], **how).shots
        1000
    """

    shots: int | None
    """Shots per output pixel; None for the exact expectation of the simulated circuit, with
    standard error 0. If neither shots nor a tolerance are given, 1024 (`qconv.match_template`:
    10,000 executions altogether)."""
    tolerance: float | tuple[str, float] | None
    """Instead of ``shots``, the standard error that no pixel may exceed, or ``("rms", error)`` for
    the root mean square over all pixels, in the unit of the result. Uses the fewest executions that
    reach it according to the method's noise-free prediction; `qconv.Collapse` gives every pixel the
    shots that it needs, and ``result.shots`` is then an array. More than 10**12 executions are
    refused. None for none."""
    backend: Backend
    """None for the ideal Aer simulator; or a noisy simulator (an ``AerSimulator`` with a noise
    model, a fake backend), whose outcomes are drawn from the probabilities that were computed for
    the circuit; or any other ``BackendV2`` or ``BaseSamplerV2``, which runs every shot (a million
    take an Aer simulator about half a second). Standard errors exclude the systematic error of a
    noisy backend."""
    seed: Seed
    """Integer, ``SeedSequence`` or ``Generator``; the same seed gives the same counts on any number
    of cores, with any version of NumPy. A ``BackendV2`` is seeded from it, whatever seed it was
    made with; samplers seed themselves. None for fresh randomness."""
    job_shots: int | None
    """Maximum number of shots per job on a backend; None for the backend's limit (by the validator
    of its options, ``max_shots`` or ``configuration()``), at most a million."""
    mitigation: ReadoutMitigation | str | None
    """``"readout"`` corrects counts for readout errors, which are calibrated on the backend by
    circuits that count in ``total_shots``; standard errors include the variance that this adds, and
    are then correlated. A `qconv.ReadoutMitigation` says how often to run these circuits, or which
    errors are known. For methods whose estimate is linear in the counts, not for ideal simulators.
    None for no correction."""
    checkpoint: str | os.PathLike[str] | None
    """File to which work is saved at intervals; None for none. If the call is interrupted, the same
    call resumes it, with bit-identical results. A finished checkpoint returns its result at once,
    and with more ``shots`` adds the missing ones. Without ``seed``, the checkpoint's seed is used.
    A checkpoint of a different call is rejected."""
    progress: bool
    """Whether to show a progress bar (needs tqdm)."""


@dataclass(frozen=True, eq=False)
class Requested:
    """The options of one call, checked."""

    shots: int | None
    """Shots per output pixel; None for the exact expectation."""
    tolerance: Tolerance | None
    """Requested error; None if shots were requested."""
    sampling: Sampling
    """How circuits are measured."""
    checkpoint: str | os.PathLike[str] | None
    """File to which work is saved; None for none."""
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
            given: Keyword arguments that were given.
            method: The method that they are for.
            default_shots: Shots if neither they nor a tolerance are given; None for the method's.
            refused: Arguments that mean nothing for the verb, each with the reason.

        Raises:
            TypeError: If an argument is unknown, refused or of the wrong type.
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
                "shots: expected none with tolerance, which determines their number, got "
                f"{given['shots']}"
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
                "mitigation: expected a method whose estimate is linear in the counts, which can "
                f"be corrected for readout errors, got {method!r}"
            )
        return cls(
            None if shots is None else whole_number(shots, "shots", 1),
            tolerance,
            sampling,
            given.get("checkpoint"),
            boolean(given.get("progress", False), "progress"),
        )
