"""Diagnostics of amplitude estimation: reliable pixels, noise, and information."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qconv.result.diagnostics import Diagnostics
from qconv.result.index import Index
from qconv.result.numbers import shares

_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AngleDiagnostics(Diagnostics):
    """Reliability, noise and information of a result of `AmplitudeEstimation`."""

    reliable: NDArray[np.bool_]
    """Pixels with a reliable standard error, shape of ``image``. For them no other value is nearly
    as likely, no end of the range is near, and noise can be distinguished from the image."""
    contrast: _Array | None = None
    """Visibility of the flag at each Grover power, fitted to the outcomes: 1 without damping. None
    if no noise was expected."""
    information: float | None = None
    """Fisher information of each pixel's angle, expected from the shots without noise. It is the
    weight of the result in a sum; None for an exact result."""

    def __add__(self, other: AngleDiagnostics) -> AngleDiagnostics:
        """Combine two diagnostics: pixels reliable in both, contrasts weighted by information."""
        a, b = self.shares(other) or (0.5, 0.5)
        contrast = information = None
        if self.contrast is not None and other.contrast is not None:
            contrast = np.asarray(a * self.contrast + b * other.contrast)
        if self.information is not None and other.information is not None:
            information = self.information + other.information
        return AngleDiagnostics(self.reliable & other.reliable, contrast, information)

    def __getitem__(self, index: Index) -> AngleDiagnostics:
        """Return the diagnostics of some pixels; contrast and information apply to all pixels."""
        return AngleDiagnostics(self.reliable[index], self.contrast, self.information)

    def shares(self, other: AngleDiagnostics) -> tuple[Any, Any] | None:
        """Return weights proportional to information, which depends on the powers."""
        if self.information is None or other.information is None:
            return None
        return shares(self.information, other.information)

    def rows(self) -> list[tuple[str, str]]:
        """Return the fraction of reliable pixels, and the contrast of each power."""
        rows = [("reliable pixels", f"{100 * self.reliable.mean():.1f} %")]
        if self.contrast is not None:
            rows.append(("contrast left", ", ".join(f"{part:.3f}" for part in self.contrast)))
        return rows

    def arrays(self) -> dict[str, Any]:
        """Return all arrays and numbers except those that are None."""
        given = {"contrast": self.contrast, "information": self.information}
        return {"reliable": self.reliable} | {k: v for k, v in given.items() if v is not None}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> AngleDiagnostics:
        """Construct the diagnostics from the arrays of a file."""
        information = float(arrays["information"]) if "information" in arrays else None
        return cls(arrays["reliable"], arrays.get("contrast"), information)
