"""Function `estimate`: one number of a filtered picture, by sampling or amplitude estimation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack, overload

from numpy.typing import ArrayLike

from qconv._checks import convolution
from qconv.grid import NO_FILLVALUE, value_outside
from qconv.methods.collapse.method import DEFAULT_METHOD
from qconv.methods.numbers import number_plan
from qconv.observables.observable import Observable
from qconv.planning.method import Method
from qconv.planning.options import SamplingOptions
from qconv.propagator import Propagator
from qconv.result.several import Estimates
from qconv.result.single import Estimate


@overload
def estimate(
    image: ArrayLike, kernel: ArrayLike | Propagator, observable: Observable, *args: Any, **how: Any
) -> Estimate: ...


@overload
def estimate(
    image: ArrayLike,
    kernel: ArrayLike | Propagator,
    observable: Sequence[Observable],
    *args: Any,
    **how: Any,
) -> Estimates: ...


@convolution
def estimate(
    image: ArrayLike,
    kernel: ArrayLike | Propagator,
    observable: Observable | Sequence[Observable],
    mode: str = "full",
    boundary: str = "fill",
    *,
    method: Method = DEFAULT_METHOD,
    estimator: str = "sampling",
    fillvalue: float | complex = NO_FILLVALUE,
    cval: float | complex | None = None,
    **sampling: Unpack[SamplingOptions],
) -> Estimate | Estimates:
    """Estimate one number of a filtered picture, without reading out the picture.

    Args:
        image: Signal, image or volume, as for `qconv.convolve`.
        kernel: Kernel or `Propagator`, as for `qconv.convolve`.
        observable: Number to estimate: `Energy`, `Band`, `Total`, `Mean` or `Overlap`. Its region
            or its weights refer to the result of `qconv.convolve` with the same ``mode``. A list of
            observables is estimated from the same executions, if one circuit measures all of them.
        mode: ``full``, ``same`` or ``valid``, as for `qconv.convolve`.
        boundary: Values outside the image, as for `qconv.convolve`.
        method: Method with its options; by default `Collapse` with a baseline. `Fourier` and
            `Interference` measure energies without a reference qubit, and linear observables with
            it. `Diffusion`, `Collapse` and `AmplitudeEstimation` measure linear observables.
        estimator: ``"sampling"`` for the mean over executions of one circuit. ``"amplitude"`` for
            amplitude estimation, whose Grover powers are chosen one after the other from the
            posterior; this needs an ideal simulator. ``"schedule"`` for amplitude estimation with
            powers that are fixed in advance. With noise, its powers end at 8, and their damping is
            fitted; `Estimate.reliable` is False if damping and a different value explain the
            outcomes equally well. Amplitude estimation needs a number that follows from one
            probability: an energy, a linear sum with `Fourier`, `Interference` or
            `AmplitudeEstimation`, or a sum of particles of equal weight with `Diffusion`.
        fillvalue: Value outside the image with ``fill``, in the unit of the image.
        cval: Another name of ``fillvalue``; None if ``fillvalue`` is used.
        sampling: Options of measurement, see `SamplingOptions`. Here ``shots`` is the total number
            of oracle calls, by default 10,000. Without amplification, every execution is one oracle
            call. ``tolerance`` is the standard error of the number, or ``("relative", fraction)``
            of its magnitude. It replaces ``shots``. ``mitigation`` needs the estimator
            ``"sampling"``.

    Returns:
        The estimate with its standard error; for a list of observables, `Estimates` with the
        covariance of their errors.

    Raises:
        TypeError: If an argument is of the wrong type, or the method cannot measure the observable.
        ValueError: If an argument has a wrong value or shape, the estimator does not suit the
            observable or the backend, or several observables need different circuits. If the
            checkpoint is damaged or belongs to a different call.
        OSError: If the checkpoint cannot be written.
        RuntimeError: If a backend failed repeatedly.

    Example:
        >>> import numpy as np
        >>> import qconv
        >>> image = np.add.outer(np.arange(16), np.arange(16)) % 7
        >>> edges = qconv.named_kernel("edge")
        >>> where = {"mode": "same", "boundary": "wrap", "method": qconv.Fourier(), "seed": 7}
        >>> sampled = qconv.estimate(image, edges, qconv.Energy(), **where)
        >>> found = qconv.estimate(image, edges, qconv.Energy(), estimator="amplitude", **where)
        >>> found.oracle_calls, found.stderr < sampled.stderr / 10
        (10000, True)
    """
    plan, requested = number_plan(
        image,
        kernel,
        observable,
        estimator,
        sampling,
        method=method,
        mode=mode,
        boundary=boundary,
        fillvalue=value_outside(fillvalue, cval),
        flipped=True,
    )
    return plan.run(requested.progress, requested.checkpoint)
