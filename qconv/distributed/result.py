"""Lazy results: estimates as Dask arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import dask
import dask.array as da
import numpy as np
from dask.highlevelgraph import HighLevelGraph
from numpy.typing import NDArray
from qiskit import QuantumCircuit


@dataclass(frozen=True, eq=False)
class LazyConvolution:
    """A convolution that Dask computes on request, on any workers.

    Compute ``image`` and ``stderr`` in one call of ``dask.compute`` or ``dask.array.store``. The
    same tasks compute both arrays, and two separate calls would run these tasks twice.

    Example:
        >>> import dask
        >>> import dask.array as da
        >>> import qconv.distributed
        >>> image = da.ones((4, 6), chunks=(2, 3))
        >>> result = qconv.distributed.convolve(image, [[1, 1]], shots=10, seed=7)
        >>> result.image.shape, result.total_shots, result.circuits[0].num_qubits
        ((4, 7), 280, 1)
        >>> estimate, stderr = dask.compute(result.image, result.stderr)
        >>> estimate[0, 1:-1]
        array([2., 2., 2., 2., 2.])
    """

    image: da.Array
    """Estimate of the convolution, ``float64`` or ``complex128``, in image times kernel units."""
    stderr: da.Array
    """Standard error of each pixel of ``image``, same shape, chunks and unit."""
    shots: int | None
    """Number of shots per output pixel; None for the exact expectation."""
    total_shots: int
    """Planned number of executions; 0 for the exact expectation. The actual number is higher if
    noise makes executions fail, and can be lower if circuits hold blocks that are all zero."""
    _circuits: Callable[[], tuple[QuantumCircuit, ...]] = field(repr=False)
    covariance: da.Array | None = None
    """Covariance of the errors of real and imaginary part of each pixel; None for real results."""

    @cached_property
    def circuits(self) -> tuple[QuantumCircuit, ...]:
        """Circuits for the whole image, with measurement and named registers.

        Empty if circuits hold the image, which is not known yet.
        """
        return self._circuits()


def lazy_arrays(
    verb: str,
    token: str,
    work: Callable[..., NDArray[Any]],
    image: da.Array,
    chunks: Iterable[tuple[int, ...]],
    kind: type | np.dtype[Any] = np.float64,
) -> list[da.Array]:
    """Return estimate and standard error of a computation that stacks them on a new first axis.

    A complex result has a third array, the covariance of real and imaginary part.

    Dask fuses a task into its only dependent task. If the two arrays are optimised separately, for
    example to be stored, every block would then run twice. Dask does not fuse a task into a task
    that has another dependency. Every task therefore also depends on the probabilities.

    Args:
        verb: Function name in the names of the tasks.
        token: Digest that distinguishes these names from the names of other tasks.
        work: Computation of a block. Its method ``known`` computes the shared probabilities.
        image: Padded image, with one block per part.
        chunks: Chunks of each array.
        kind: Type of the result's numbers: ``float64`` or ``complex128``.
    """
    is_complex = np.dtype(kind).kind == "c"
    known = dask.delayed(_known, pure=True)(work, dask_key_name=f"qconv-probabilities-{token}")
    both = da.map_blocks(
        work,
        image,
        known=known,
        name=f"qconv-{verb}-{token}",
        new_axis=0,
        chunks=((2 + is_complex,), *chunks),
        dtype=kind,
        meta=np.empty((0,) * (image.ndim + 1), kind),
    )
    arrays = []
    for number, name in enumerate(("estimate", "stderr", "covariance")[: 2 + is_complex]):
        key = f"qconv-{name}-{token}"
        blocks = np.ndindex(both.numblocks[1:])
        tasks = {(key, *n): (_pick, (both.name, 0, *n), number, known.key) for n in blocks}
        graph = HighLevelGraph.from_collections(key, tasks, dependencies=[both, known])
        arrays.append(da.Array(graph, key, both.chunks[1:], dtype=kind))
    return [*arrays[:2], *(part.real for part in arrays[2:])]


def _known(work: Any) -> Any:
    """Compute the probabilities that the work needs."""
    return work.known()


def _pick(both: NDArray[Any], number: int, shared: object) -> NDArray[Any]:
    """Return one of the arrays."""
    picked: NDArray[Any] = both[number]
    return picked
