"""Lazy convolution and correlation of Dask arrays."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any, Unpack

import dask.array as da
import numpy as np
from dask.base import tokenize
from numpy.typing import ArrayLike, NDArray
from qiskit import QuantumCircuit
from qiskit.providers import BackendV2

from qconv._checks import Numbers, convolution, number_array, numpy_defaults
from qconv._threads import one_thread
from qconv.distributed.halo import (
    chunks_of,
    in_parts,
    index_of_pixels,
    part_lengths,
    part_of,
    require_finite,
)
from qconv.distributed.result import LazyConvolution, lazy_arrays
from qconv.execution.device.backends import Backend, noise_name
from qconv.execution.options import Sampling
from qconv.execution.outcomes.outcomes import Outcomes
from qconv.execution.run import UNKNOWN_PROBABILITIES, run
from qconv.execution.simulate.noise import noise_of
from qconv.grid import NO_FILLVALUE, Grid, value_outside
from qconv.methods.collapse.method import DEFAULT_METHOD
from qconv.methods.options import check_options
from qconv.planning.axes import Axes
from qconv.planning.build import require_complex, without_image
from qconv.planning.method import Method
from qconv.planning.options import SamplingOptions
from qconv.planning.plan import Plan
from qconv.propagator import Propagator

_Array = NDArray[np.float64]

#: Outcome probabilities of a circuit, as fields of `Outcomes`, small enough for all workers.
Known = dict[str, Any]

#: Sampling options that do not apply to lazy arrays, with the reason.
REFUSED = {
    "tolerance": "shots must be fixed before the pixels of a Dask array are known; use shots",
    "mitigation": "a Dask array is convolved in parts, which cannot share a calibration",
    "checkpoint": "Dask can store finished blocks; write the arrays to Zarr",
    "progress": "Dask shows the progress; see dask.diagnostics.ProgressBar",
}


@convolution
def convolve(
    image: da.Array,
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
) -> LazyConvolution:
    """Convolve a Dask array with a kernel in blocks; nothing runs until the result is computed.

    The same seed gives results that are bit-identical to `qconv.convolve` on one machine, because
    each tile of the output has its own random stream. Chunks, scheduler, number of workers and
    failed workers have no influence. Blocks of the output consist of whole tiles. The sizes of
    these blocks are similar to the chunks of the image, but their borders differ.

    Args:
        image: Dask array of real or complex numbers with 1, 2 or 3 axes, any chunks; with
            ``axes`` or ``channel_axis``, a batch of such arrays.
        kernel: As for `qconv.convolve`.
        mode: ``full``, ``same`` or ``valid``.
        boundary: Values outside the image, by any of the names that `qconv.convolve` accepts.
        method: `qconv.Collapse` with any options, ``qconv.Blocks(..., "overlap-save")``, or any
            other method that declares `qconv.Prepared.part_sides`. The only circuit of
            `qconv.Collapse` is simulated once for all workers. The circuit of a block runs in the
            task of the block.
        fillvalue: Value outside the image with ``fill``.
        cval: Another name of ``fillvalue``; None if ``fillvalue`` is used.
        axes: Axes that are convolved, as for `qconv.convolve`; None for all except the channels.
        channel_axis: Axis of the channels, as for `qconv.convolve`; None for no channels.
        sampling: Options of measurement, see `qconv.SamplingOptions`. ``backend`` is None or a
            noisy simulator whose outcome probabilities can be computed; with `qconv.Blocks`, any
            backend that takes a seed. The backend is sent to the workers. Without ``seed``, a
            random seed is chosen once, so that every computation of the arrays gives the same
            result. ``tolerance``, ``mitigation``, ``checkpoint`` and ``progress`` are rejected.

    Returns:
        Estimate and standard error as lazy Dask arrays of ``float64``, or of ``complex128`` if the
        image or the kernel is complex.

    Raises:
        TypeError: If ``image`` is not a Dask array, the method cannot be split into parts, or
            another argument is of the wrong type.
        ValueError: If an argument has a wrong value or shape, or the backend is not supported. For
            a pixel that is NaN or infinite, the error is raised when its block is computed.

    Example:
        >>> import dask.array as da
        >>> import numpy as np
        >>> import qconv.distributed
        >>> image = np.arange(24.0).reshape(4, 6)
        >>> lazy = qconv.distributed.convolve(da.from_array(image, chunks=3), [[1, 2]], seed=7)
        >>> at_once = qconv.convolve(image, [[1, 2]], seed=7)
        >>> np.array_equal(lazy.image.compute(), at_once.image)
        True
    """
    outside = value_outside(fillvalue, cval)
    where = {"method": method, "mode": mode, "boundary": boundary, "fillvalue": outside}
    batch = {"axes": axes, "channel_axis": channel_axis}
    return _lazy(image, kernel, sampling, **where, **batch, flipped=True)


@convolution
def correlate(
    image: da.Array,
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
) -> LazyConvolution:
    """Cross-correlate a Dask array with a kernel, as `qconv.correlate` does for NumPy arrays.

    Arguments, result and errors are those of `qconv.distributed.convolve`.

    Example:
        >>> import dask.array as da
        >>> import qconv.distributed
        >>> signal = da.from_array([0, 10, 20], chunks=2)
        >>> where = {"shots": None, "mode": "same"}
        >>> qconv.distributed.correlate(signal, [1, 2, 0], **where).image.compute()
        array([ 0., 20., 50.])
    """
    outside = value_outside(fillvalue, cval)
    where = {"method": method, "mode": mode, "boundary": boundary, "fillvalue": outside}
    batch = {"axes": axes, "channel_axis": channel_axis}
    return _lazy(image, kernel, sampling, **where, **batch, flipped=False)


def _lazy(
    image: da.Array, kernel: ArrayLike | Propagator, options: SamplingOptions, **where: Any
) -> LazyConvolution:
    """Return the lazy result of a convolution or correlation."""
    method: Method = where["method"]
    requested = check_options(options, method, refused=REFUSED)
    check_image(image, "image", kinds="biufc")
    fields = without_image(image.shape, kernel, requested, **where)
    kind: type = np.float64
    if image.dtype.kind == "c" or isinstance(fields["grid"].fillvalue, complex):
        require_complex(method, "image")
        kind = np.complex128
    shots, sampling = requested.shots, requested.sampling
    check_backend(sampling.backend, kernel_only=method.kernel_only, exact=shots is None)
    if not method.loads_exactly:
        raise ValueError(
            f"method: expected preparation='exact' for a Dask array, got {method!r}; "
            "qconv.convolve states the loading error"
        )
    grid: Grid = fields["grid"]
    whole = without_pixels(fields, kind)
    lengths = part_lengths(image, grid, whole.prepared.part_sides)
    propagator = fields["propagator"]
    token = tokenize(
        image.name,
        lengths,
        (propagator.probabilities, propagator.weights),
        repr((grid, method, shots)),
        draws_of(sampling),
    )
    work = Work(fields, lengths, kind)
    arrays = lazy_arrays(
        "convolve" if grid.flipped else "correlate",
        token,
        work,
        in_parts(image, grid, lengths),
        map(chunks_of, grid.output_shape, lengths),
        kind=whole.result_type,
    )
    planned = 0 if shots is None else method.executions(grid.pixels, shots)
    image, stderr, *covariance = arrays
    return LazyConvolution(image, stderr, shots, planned, work.circuits, *covariance)


def check_image(image: object, name: str, kinds: str = "biuf") -> None:
    """Raise unless an image is a Dask array of numbers, of known shape and not empty.

    Args:
        image: The image.
        name: Name of the argument, for messages.
        kinds: Accepted kinds of numbers, as in ``dtype.kind``.
    """
    if not isinstance(image, da.Array):
        raise TypeError(
            f"{name}: expected a Dask array, got {type(image).__name__}; "
            "create one with dask.array.from_array"
        )
    if image.dtype.kind not in kinds:
        raise TypeError(f"{name}: expected real numbers, got dtype {image.dtype}")
    if any(np.isnan(n) for n in image.shape):
        raise ValueError(
            f"{name}: expected a known shape, got {image.shape}; call compute_chunk_sizes() first"
        )
    if 0 in image.shape:
        raise ValueError(f"{name}: expected at least one entry, got an empty array {image.shape}")


def draws_of(sampling: Sampling) -> tuple[Any, ...]:
    """Return everything that determines the drawn outcomes: seed, noise and job size."""
    seed = sampling.seed
    return seed.entropy, seed.spawn_key, noise_name(sampling.backend), sampling.job_shots


def check_backend(backend: Backend, *, kernel_only: bool, exact: bool) -> None:
    """Raise unless every part can have its own reproducible shots.

    A backend that seeds itself is rejected. With ``kernel_only``, a backend that would count the
    shots of all parts together is rejected too.
    """
    if backend is None:
        return
    if not isinstance(backend, BackendV2) or not hasattr(backend.options, "seed_simulator"):
        raise ValueError(
            f"backend: expected None or a simulator that takes a seed, got {backend!r}; without a "
            "seed, the result would depend on the workers; qconv.convolve accepts any backend"
        )
    if kernel_only and not exact and noise_of(backend) is None:
        raise ValueError(
            f"{UNKNOWN_PROBABILITIES}, {backend!r}; qconv.convolve accepts any backend"
        )


def probabilities_of(plan: Plan) -> list[Known]:
    """Compute the outcome probabilities of a plan's circuits."""
    if plan.sampling.backend is None:  # probabilities do not depend on the number of shots
        plan = replace(plan, shots=None)
    gathered = run(plan.prepared.programs, plan.sampling, counting=plan.shots is None)
    found = []
    for outcomes in gathered:
        if outcomes.probabilities is None:
            raise RuntimeError(UNKNOWN_PROBABILITIES)
        found.append(
            {
                "probabilities": outcomes.known_probabilities,
                "ideal": outcomes.ideal,
                "success": outcomes.success,
                "ran": outcomes.circuit,
            }
        )
    return found


def without_pixels(fields: dict[str, Any], kind: type) -> Plan:
    """Return a plan with an all-zero image of a type, which takes no memory."""
    black = np.broadcast_to(kind(0), fields["grid"].image_shape)
    return Plan(image=black, **fields)


@dataclass(frozen=True, eq=False)
class Work:
    """The computation of one part of a convolution."""

    fields: dict[str, Any]
    """Fields of the plan of the whole convolution, without its image."""
    lengths: tuple[int, ...]
    """Sides of a part, in output pixels."""
    kind: type
    """Type of the image's numbers: ``float64`` or ``complex128``."""

    @numpy_defaults
    def known(self) -> list[Known] | None:
        """Compute the probabilities of the kernel's circuits; None if circuits hold the image."""
        if not self.fields["method"].kernel_only:
            return None
        with one_thread():
            return probabilities_of(without_pixels(self.fields, self.kind))

    def circuits(self) -> tuple[QuantumCircuit, ...]:
        """Return the circuits for all parts; none if circuits hold the image."""
        exact = self.fields | {"shots": None}  # circuits do not depend on the number of shots
        return (
            without_pixels(exact, self.kind).circuits if self.fields["method"].kernel_only else ()
        )

    @numpy_defaults
    def __call__(
        self, pixels: NDArray[Any], block_id: tuple[int, ...], known: list[Known] | None
    ) -> Numbers:
        """Compute estimate and standard error of one part, shape ``(2, *outputs)``.

        For complex numbers, a third entry along the first axis is the covariance of both parts.

        Args:
            pixels: All pixels that the part depends on.
            block_id: Number of the part along each axis, after an axis for estimate and error.
            known: Probabilities of the kernel's circuits; None if circuits hold the image.
        """
        whole: Grid = self.fields["grid"]
        tile = part_of(whole, self.lengths, block_id[1:])
        grid = whole.part(tile)
        shown = pixels[tuple(map(slice, grid.image_shape))]
        axes = zip(tile, whole.strides, strict=True)
        starts = [part.start * stride for part, stride in axes]
        places = [index_of_pixels(whole, axis)[start:] for axis, start in enumerate(starts)]
        require_finite(shown, "image", places)
        seen: Numbers = number_array(shown, "image", finite=False).astype(self.kind, copy=False)
        fields = self.fields | {"grid": grid, "part_of": "a Dask array"}
        plan = Plan(image=np.ascontiguousarray(seen), **fields)
        programs = plan.prepared.programs
        with one_thread(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*success probability is 0", RuntimeWarning)
            if known is None:
                gathered = run(programs, plan.sampling)
            else:
                gathered = (
                    Outcomes(each, **one) for one, each in zip(known, programs, strict=True)
                )
            result = plan.prepared.decode(gathered)
        more = [] if result.covariance is None else [result.covariance]
        return np.stack([result.image, result.stderr, *more])
