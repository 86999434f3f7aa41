"""Lazy results: what will be estimated, as Dask arrays."""

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
    """A convolution that Dask computes when it is asked to, wherever its workers are.

    Compute ``image`` and ``stderr`` in one call (``dask.compute`` or ``dask.array.store`` with
    both): they come from the same tasks, which two calls would run twice.

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
    """Estimate of the convolution, ``float64``, in image times kernel units."""
    stderr: da.Array
    """Standard error of each pixel of ``image``, same shape, chunks and unit."""
    shots: int | None
    """Shots that each output pixel's estimate rests on; None for the exact expectation."""
    total_shots: int
    """Executions of circuits that are planned; 0 for the exact expectation. What noise makes
    useless comes on top, what is black in an image that circuits hold may save some."""
    _circuits: Callable[[], tuple[QuantumCircuit, ...]] = field(repr=False)

    @cached_property
    def circuits(self) -> tuple[QuantumCircuit, ...]:
        """The circuits that serve the whole image, measured, with named registers.

        None where circuits hold the image, which is not known yet.
        """
        return self._circuits()


def lazy_arrays(
    verb: str,
    token: str,
    work: Callable[..., NDArray[np.float64]],
    image: da.Array,
    chunks: Iterable[tuple[int, ...]],
) -> tuple[da.Array, da.Array]:
    """Estimate and standard error, from work that gives the two along a new first axis.

    Dask fuses a task with the only one that needs it, and would so run every block once for the
    estimate and once for the error where each is optimised alone, as when they are stored. It does
    not fuse tasks that need another one besides, such as what all blocks share.

    Args:
        verb: Of the tasks' names.
        token: What tells these names from those of other work.
        work: What is done for every block, with the probabilities that all share.
        image: A block for each part.
        chunks: Of each of the two arrays.
    """
    known = dask.delayed(_known, pure=True)(work, dask_key_name=f"qconv-probabilities-{token}")
    both = da.map_blocks(
        work,
        image,
        known=known,
        name=f"qconv-{verb}-{token}",
        new_axis=0,
        chunks=((2,), *chunks),
        dtype=np.float64,
        meta=np.empty((0,) * (image.ndim + 1)),
    )
    arrays = []
    for number, name in enumerate(("estimate", "stderr")):
        key = f"qconv-{name}-{token}"
        blocks = np.ndindex(both.numblocks[1:])
        tasks = {(key, *n): (_pick, (both.name, 0, *n), number, known.key) for n in blocks}
        graph = HighLevelGraph.from_collections(key, tasks, dependencies=[both, known])
        arrays.append(da.Array(graph, key, both.chunks[1:], dtype=np.float64))
    return arrays[0], arrays[1]


def _known(work: Any) -> Any:
    """Compute the probabilities that the work needs."""
    return work.known()


def _pick(both: NDArray[np.float64], number: int, shared: object) -> NDArray[np.float64]:
    """One of two arrays."""
    picked: NDArray[np.float64] = both[number]
    return picked
