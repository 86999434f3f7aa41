"""Making results from their parts by short names, as methods and layers do."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qconv.result.convolution import Convolution
from qconv.result.origin import Origin
from qconv.result.success import Success


def made(
    image: NDArray[np.float64],
    stderr: NDArray[np.float64],
    *,
    success_probability: float = 1.0,
    success_stderr: float = 0.0,
    expected_success: float | None = None,
    quantity: str = "",
    streams: Set[str] = frozenset(),
    **more: Any,
) -> Convolution:
    """Make a result; NumPy's numbers become Python's, which a file can hold.

    Args:
        image: Estimate.
        stderr: Standard error of the estimate, same shape.
        success_probability: Fraction of successful executions, as measured.
        success_stderr: Standard error of ``success_probability``.
        expected_success: Predicted success probability; None without a prediction.
        quantity: Digest of the estimated quantity.
        streams: Names of the random streams of the shots.
        more: Other fields of a `Convolution`.
    """
    success = map(_plain, (success_probability, success_stderr, expected_success))
    return Convolution(
        image=image,
        stderr=stderr,
        success=Success(*success),
        origin=Origin(quantity, frozenset(streams)),
        **{name: _plain(value) for name, value in more.items()},
    )


def _plain(value: Any) -> Any:
    """Return a number of NumPy's as one of Python's, anything else unchanged."""
    return value.item() if isinstance(value, np.generic) else value
