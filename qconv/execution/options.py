"""Sampling: options for running and measuring circuits, common to all verbs and methods."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qconv._checks import shot_number
from qconv.execution.device.backends import Backend, check_backend, noise_name
from qconv.execution.outcomes.readout import ReadoutMitigation, check_mitigation
from qconv.execution.seeds import Seed, root_seed


@dataclass(frozen=True, eq=False)
class Sampling:
    """Options for running and measuring circuits."""

    backend: Backend
    """Backend that runs circuits; None for the ideal Aer simulator."""
    seed: np.random.SeedSequence
    """Root of all random streams."""
    seeded: bool = True
    """Whether the caller gave the seed; if not, a checkpoint's seed is used instead."""
    job_shots: int | None = None
    """Maximum number of shots per job; None for the backend's limit."""
    mitigation: ReadoutMitigation | None = None
    """Correction of readout errors; None for no correction."""

    @classmethod
    def checked(
        cls,
        backend: Backend = None,
        seed: Seed = None,
        job_shots: float | None = None,
        mitigation: ReadoutMitigation | str | None = None,
    ) -> Sampling:
        """Check the arguments of a verb.

        Raises:
            TypeError: If an argument has the wrong type.
            ValueError: If an argument has a wrong value.
        """
        check_backend(backend)
        return cls(
            backend,
            root_seed(seed),
            seeded=seed is not None,
            job_shots=None if job_shots is None else shot_number(job_shots, "job_shots"),
            mitigation=check_mitigation(mitigation),
        )

    @property
    def ideal(self) -> Sampling:
        """The same options on the ideal simulator, without mitigation."""
        return replace(self, backend=None, mitigation=None)

    def call(self) -> dict[str, str]:
        """Return strings that differ between options with different outcomes.

        The seed is not included.
        """
        options = getattr(self.backend, "options", None)
        how = {name: getattr(options, name, None) for name in ("method", "precision")}
        mitigation = self.mitigation
        return {
            "backend": f"{type(self.backend).__qualname__} {noise_name(self.backend)} {how}",
            "job_shots": str(self.job_shots),
            "mitigation": "" if mitigation is None else f"{mitigation.name} {mitigation.shots}",
        }
