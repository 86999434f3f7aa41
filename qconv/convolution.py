"""Functions that convolve or correlate an image with a kernel, or plan these operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack, overload

from numpy.typing import ArrayLike

from qconv._checks import boolean, convolution
from qconv.grid import NO_FILLVALUE, value_outside
from qconv.methods.collapse.method import DEFAULT_METHOD
from qconv.methods.numbers import number_plan
from qconv.methods.options import check_options
from qconv.observables.observable import Observable
from qconv.planning.axes import Axes
from qconv.planning.build import laid_out
from qconv.planning.method import Method
from qconv.planning.number_plan import NumberPlan
from qconv.planning.options import SamplingOptions
from qconv.planning.plan import Plan
from qconv.propagator import Propagator
from qconv.result.convolution import Convolution

#: Arguments of `Plan.run`, with the reason why `plan` rejects them.
_OF_RUN = dict.fromkeys(
    ("checkpoint", "progress"), "is an argument of Plan.run, because plan runs nothing"
)


@convolution
def convolve(
    image: ArrayLike,
    kernel: ArrayLike | Propagator,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: float | complex = NO_FILLVALUE,
    *,
    method: Method = DEFAULT_METHOD,
    cval: float | complex | None = None,
    axes: Axes | None = None,
    channel_axis: int | None = None,
    **sampling: Unpack[SamplingOptions],
) -> Convolution:
    """Convolve an image with a kernel by measuring quantum circuits.

    The measured average converges to the convolution that ``scipy.signal.convolve2d`` computes, for
    kernels of any sign and scale. The result includes the standard error of every pixel.

    Args:
        image: Real or complex array in any unit: a signal ``(L,)``, an image ``(H, W)`` or a volume
            ``(D, H, W)``; with ``axes`` or ``channel_axis``, a batch of such arrays.
        kernel: Real or complex array with the axes that are convolved, or a `Propagator` (for
            example a softmax propagator). A kernel can also have all axes of a batch, with the
            length 1 along the axes that are not convolved.
        mode: ``full``, ``same`` or ``valid``, as in SciPy.
        boundary: Values outside the image. The names on one line are synonyms:

            - ``fill``, ``constant``, ``grid-constant``, ``pad``: the value ``fillvalue``.
            - ``wrap``, ``grid-wrap``, ``circular``: the image, repeated periodically.
            - ``symm``, ``symmetric``, ``reflect``, ``grid-mirror``: the mirror image, with the
              edge pixel repeated (``d c b a | a b c d | d c b a``).
            - ``mirror``: the mirror image, with the edge pixel as the mirror
              (``d c b | a b c d | c b a``).
            - ``nearest``, ``edge``: the nearest edge pixel.

            ``reflect`` is the mode of ``scipy.ndimage``. The mode ``reflect`` of ``numpy.pad`` is
            ``mirror``.
        fillvalue: Value outside the image with ``fill``, in the unit of the image.
        method: Method with its options; by default `Collapse` with a baseline.
        cval: Another name of ``fillvalue``, as in ``scipy.ndimage``; None if ``fillvalue`` is used.
        axes: Axes that are convolved, in ascending order, as in ``scipy.signal.fftconvolve``. All
            other axes are the axes of a batch. None convolves all axes except the channels.
        channel_axis: Axis of the channels, as in scikit-image: all channels are convolved
            separately with the same kernel. None for an image without channels.
        sampling: Options of measurement, see `SamplingOptions`: ``shots`` or ``tolerance``,
            ``backend``, ``seed``, ``job_shots``, ``mitigation``, ``checkpoint`` and ``progress``.

    Returns:
        The estimate with its standard error, in units of image times kernel. For each ``mode``, the
        shape is the same as SciPy's.

    Raises:
        TypeError: If an argument is of the wrong type or unknown, or if the image or the kernel is
            complex and ``method`` takes only real numbers.
        ValueError: If an argument has a wrong value or shape, is empty, or contains NaN or
            infinity. It is also raised if the computation would not fit in memory, or if the
            checkpoint is damaged or belongs to a different call. Nothing has run in these cases.
        RuntimeError: If a backend failed repeatedly. Intermediate results are saved in the
            checkpoint, if there is one.

    Example:
        >>> import qconv
        >>> result = qconv.convolve([0, 10, 20], [1, 2, 1], shots=10_000, seed=7)
        >>> result.image.round(1)
        array([ 0. , 10. , 39.6, 49.9, 20.2])
        >>> result.stderr.round(1)
        array([0. , 0.1, 0.2, 0.1, 0.2])
        >>> qconv.convolve([0, 10, 20], [1, 2, 1], shots=None).image  # the exact expectation
        array([ 0., 10., 40., 50., 20.])
        >>> stereo = [[0, 4], [10, 4], [20, 4]]  # two channels, along the last axis
        >>> qconv.convolve(stereo, [1, 1], shots=None, mode="same", channel_axis=-1).image
        array([[ 0.,  4.],
               [10.,  8.],
               [30.,  8.]])
    """
    outside = value_outside(fillvalue, cval)
    where = {"method": method, "mode": mode, "boundary": boundary, "fillvalue": outside}
    batch = {"axes": axes, "channel_axis": channel_axis}
    return _run(image, kernel, sampling, **where, **batch, flipped=True)


@convolution
def correlate(
    image: ArrayLike,
    kernel: ArrayLike | Propagator,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: float | complex = NO_FILLVALUE,
    *,
    method: Method = DEFAULT_METHOD,
    cval: float | complex | None = None,
    axes: Axes | None = None,
    channel_axis: int | None = None,
    **sampling: Unpack[SamplingOptions],
) -> Convolution:
    """Cross-correlate an image with a kernel: as `convolve`, but the kernel is not flipped.

    A complex kernel is conjugated, as in SciPy.

    The result agrees with ``scipy.signal.correlate2d`` if two axes are convolved, and with
    ``scipy.signal.correlate`` (and ``numpy.correlate``) if one or three are. These functions differ
    in mode ``same``: in ``correlate2d``, the result for an even kernel starts one pixel later.
    Arguments, result and errors are those of `convolve`.

    Example:
        >>> import qconv
        >>> qconv.correlate([0, 10, 20], [1, 2, 0], shots=None, mode="same").image
        array([ 0., 20., 50.])
        >>> qconv.convolve([0, 10, 20], [1, 2, 0], shots=None, mode="same").image
        array([10., 40., 40.])
    """
    outside = value_outside(fillvalue, cval)
    where = {"method": method, "mode": mode, "boundary": boundary, "fillvalue": outside}
    batch = {"axes": axes, "channel_axis": channel_axis}
    return _run(image, kernel, sampling, **where, **batch, flipped=False)


@overload
def plan(
    image: ArrayLike,
    kernel: ArrayLike | Propagator,
    mode: str = ...,
    boundary: str = ...,
    fillvalue: float | complex = ...,
    *,
    observable: None = None,
    **how: Any,
) -> Plan: ...


@overload
def plan(
    image: ArrayLike,
    kernel: ArrayLike | Propagator,
    mode: str = ...,
    boundary: str = ...,
    fillvalue: float | complex = ...,
    *,
    observable: Observable | Sequence[Observable],
    **how: Any,
) -> NumberPlan: ...


@convolution  # type: ignore[misc]  # the signatures above leave out most arguments
def plan(
    image: ArrayLike,
    kernel: ArrayLike | Propagator,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: float | complex = NO_FILLVALUE,
    *,
    method: Method = DEFAULT_METHOD,
    cval: float | complex | None = None,
    axes: Axes | None = None,
    channel_axis: int | None = None,
    flipped: bool = True,
    observable: Observable | Sequence[Observable] | None = None,
    estimator: str = "sampling",
    **sampling: Unpack[SamplingOptions],
) -> Plan | NumberPlan:
    """Prepare a convolution without running it, after checking all arguments.

    Args:
        image: Real or complex array, as for `qconv.convolve`.
        kernel: Real or complex array, or `Propagator`, as for `qconv.convolve`.
        mode: ``full``, ``same`` or ``valid``, as for `qconv.convolve`.
        boundary: Values outside the image, by any of the names that `qconv.convolve` accepts.
        fillvalue: Value outside the image with ``fill``, in the unit of the image.
        method: Method with its options; by default `Collapse` with a baseline.
        cval: Another name of ``fillvalue``; None if ``fillvalue`` is used.
        axes: Axes that are convolved, as for `qconv.convolve`; None for all except the channels.
        channel_axis: Axis of the channels, as for `qconv.convolve`; None for no channels.
        flipped: True for convolution, False for correlation.
        observable: Number to estimate instead of the picture, as for `qconv.estimate`, or several;
            None for the picture.
        estimator: ``"sampling"`` or ``"schedule"``, as for `qconv.estimate`. Without
            ``observable``, only ``"sampling"``: the method `AmplitudeEstimation` estimates
            pictures.
        sampling: `SamplingOptions` except ``checkpoint`` and ``progress``, which are arguments of
            `Plan.run`.

    Returns:
        The plan, with its circuits and cost. `Plan.run` or `Plan.decode` returns the result. With
        an observable, the plan is a `NumberPlan`, whose result is an `Estimate`.

    Raises:
        TypeError: If an argument is of the wrong type or unknown, or if the image or the kernel is
            complex and ``method`` takes only real numbers.
        ValueError: If an argument has a wrong value or shape, is empty, or contains NaN or
            infinity; or if the computation would not fit in memory. No large array is allocated
            before these checks.

    Example:
        >>> import qconv
        >>> plan = qconv.plan([[1, 2], [3, 4]], [[1, 2, 1]], method=qconv.Diffusion(), shots=1000)
        >>> plan.cost.qubits, plan.executions
        (5, (8000,))
    """
    where: dict[str, Any] = {
        "method": method,
        "mode": mode,
        "boundary": boundary,
        "fillvalue": value_outside(fillvalue, cval),
        "axes": axes,
        "channel_axis": channel_axis,
        "flipped": boolean(flipped, "flipped"),
    }
    if observable is None:
        if estimator != "sampling":
            raise ValueError(
                f"estimator: expected an observable with estimator={estimator!r}; for a picture, "
                "use method=qconv.AmplitudeEstimation()"
            )
        return laid_out(image, kernel, check_options(sampling, method, refused=_OF_RUN), **where)
    made, _ = number_plan(image, kernel, observable, estimator, sampling, _OF_RUN, **where)
    made.programs  # noqa: B018  # raises if the circuits are not known in advance
    return made


def _run(
    image: ArrayLike, kernel: ArrayLike | Propagator, sampling: SamplingOptions, **where: Any
) -> Convolution:
    """Plan and run a convolution or correlation."""
    requested = check_options(sampling, where["method"])
    plan = laid_out(image, kernel, requested, **where)
    return plan.run(requested.progress, requested.checkpoint)
