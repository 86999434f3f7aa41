"""Results: an estimated convolution with its standard error, its cost, and where it came from."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from qiskit import QuantumCircuit, qpy
from scipy.special import ndtri

from qconv._checks import numpy_defaults, real_array, real_number
from qconv._files import written_together
from qconv.propagator import Propagator
from qconv.visualization.figures import result_figure
from qconv.visualization.preview import preview

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FORMAT = 3  # of the files that `Convolution.save` writes

#: Fields that are arrays, or None.
_OPTIONAL = ("bias", "reliable", "contrast", "counts", "count_unit")


#: Mean square error that is stated for the root of a count of 0, 1, 2 and so on.
#:
#: The error of a root is not 1/2 where few shots are expected: it is 0.67, 0.64, 0.59 and 0.56 for
#: means of 1, 2, 3 and 4, its bias included. These numbers, found by linear programming, have the
#: right mean under Poisson's law: within 1 % of the mean square error for every mean from 1 on, and
#: above it for smaller ones, where no number for a count of 0 can be right for all.
_ROOT_ERRORS = (0.3633, 0.6121, 0.431, 0.25, 0.25, 0.2612, 0.2723, 0.2835, 0.2771, 0.2707)


def root_error(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean square error that is stated for the roots of counts; 1/4 if they are large.

    Args:
        counts: Whole numbers as floats, any shape.
    """
    large = np.maximum(counts, len(_ROOT_ERRORS))
    square = 0.25 + 7 / (64 * large) - 0.1498 / large**2
    few = counts < len(_ROOT_ERRORS)
    square[few] = np.array(_ROOT_ERRORS)[counts[few].astype(np.intp)]
    return square


@dataclass(frozen=True, eq=False)
class Convolution:
    """What the shots say about a convolution, and how far off that is likely to be.

    Results of the same convolution from independent shots add up: ``a + b`` has the shots of both.

    Example:
        >>> import qconv
        >>> first = qconv.convolve([0, 10, 20], [1, 2, 1], shots=1000, seed=7)
        >>> both = first + qconv.convolve([0, 10, 20], [1, 2, 1], shots=3000, seed=8)
        >>> both.shots, both.total_shots
        (4000, 20000)
        >>> print(f"{first.stderr[2] / both.stderr[2]:.2f}")  # 4 times the shots: half the error
        2.00
        >>> low, high = both.interval(0.95)
        >>> print(f"{low[2]:.1f} to {high[2]:.1f}")
        38.9 to 40.6
    """

    image: NDArray[np.float64]
    """Estimate of the convolution, one number an output pixel, in image times kernel units."""
    stderr: NDArray[np.float64]
    """Standard error of each pixel of ``image``, same shape and unit; 0 where the result is exact,
    NaN where a single shot leaves it unknown."""
    shots: int | None
    """Shots that each output pixel's estimate rests on; None for the exact expectation."""
    total_shots: int
    """Executions of circuits altogether, discarded ones included."""
    circuits: tuple[QuantumCircuit, ...]
    """The circuits that ran, before transpiling, with named registers."""
    success_probability: float = 1.0
    """Probability that an execution is of use, as the shots say: the part that was kept; with a
    reference qubit, the part that would be kept without it (which is known better without it, and
    as an estimate without bias may come out a little below 0 or above 1); of an amplified circuit
    (``amplify``), the part that was kept, the reference's share of it included."""
    success_stderr: float = 0.0
    """Standard error of ``success_probability``; 0 where it is exact."""
    expected_success: float | None = None
    """The same as predicted from image and kernel; None where nothing was predicted."""
    oracle_calls: int = 0
    """Applications of the state preparation: one a shot where nothing else applies."""
    independent: bool = True
    """Whether the errors of different pixels are independent of each other, but for a correlation
    of about one over their number where they share out a fixed number of shots."""
    bias: NDArray[np.float64] | None = None
    """What noise gets systematically wrong, where that is known: the exact expectation with the
    backend's noise less the one without, shape of ``image``. Not taken off, and no part of
    ``stderr``."""
    reliable: NDArray[np.bool_] | None = None
    """Where amplitude estimation's standard errors can be relied on: no other value is nearly as
    likely, no end of the range is near, and noise could be told. None for methods that count."""
    contrast: NDArray[np.float64] | None = None
    """What noise left of the flag's contrast at each power of amplitude estimation, as fitted to
    the outcomes: 1 for all of it; None where no noise was to be expected."""
    counts: NDArray[np.int64] | None = None
    """How many executions ended in each output pixel, where its estimate is the root of that
    number (``signed=False``); None for other estimates."""
    count_unit: NDArray[np.float64] | None = None
    """The magnitude of a pixel in which one execution is expected to end, same shape and unit as
    ``image``: ``(y / count_unit)**2`` are expected for a magnitude ``y``. None without counts."""
    quantity: str = ""
    """Digest of what was estimated: image, kernel, geometry, and the backend's noise if any."""
    streams: frozenset[str] = frozenset()
    """Names of the random streams that the shots came from."""

    @numpy_defaults
    def interval(self, level: float = 0.95) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Confidence interval of every pixel, from the normal law of a mean of many shots.

        Args:
            level: Chance, between 0 and 1, that a pixel's interval holds its true value. Below
                about five expected shots on the least likely position that matters, the mean is
                not yet normal and the true chance differs.

        Returns:
            Lower and upper ends, each of the shape of ``image``.

        Raises:
            TypeError: ``level`` is not a number.
            ValueError: ``level`` is not between 0 and 1.
        """
        level = real_number(level, "level")
        if not 0 < level < 1:
            raise ValueError(f"level: expected a number between 0 and 1, got {level!r}")
        reach = float(ndtri((1 + level) / 2)) * self.stderr
        return self.image - reach, self.image + reach

    @numpy_defaults
    def __add__(self, other: Convolution) -> Convolution:
        """The result that all shots of both give: means weighted by shots, errors combined.

        Magnitudes are estimated anew from all counts.

        Raises:
            ValueError: The two estimate different things, one is exact, or they share shots.
        """
        if not isinstance(other, Convolution):
            return NotImplemented
        if self.quantity != other.quantity or self.image.shape != other.image.shape:
            raise ValueError(
                "only results of the same image, kernel, mode and boundary add up, measured with "
                "the same noise if any; these differ"
            )
        if self.shots is None or other.shots is None:
            raise ValueError("an exact result (shots=None) has no shots to add")
        if self.streams & other.streams:
            raise ValueError(
                "the two results came from the same seed, so they are the same shots, not more "
                "(or dealt out in the same way); expected different seeds"
            )
        shots = self.shots + other.shots
        a, b = self.shots / shots, other.shots / shots
        total = self.total_shots + other.total_shots
        kept = (
            self.success_probability * self.total_shots
            + other.success_probability * other.total_shots
        )
        known = set(map(contents, self.circuits))
        new = tuple(c for c in other.circuits if contents(c) not in known)
        image = a * self.image + b * other.image
        stderr = np.hypot(a * self.stderr, b * other.stderr)
        counts = _both(np.add, self.counts, other.counts)
        unit = _both(_joint_unit, self.count_unit, other.count_unit)
        if counts is not None and unit is not None:  # roots have a bias that no mean takes away
            image = unit * np.sqrt(counts)
            stderr = unit * np.sqrt(root_error(counts.astype(np.float64)))
        return Convolution(
            image=image,
            stderr=stderr,
            shots=shots,
            total_shots=total,
            circuits=self.circuits + new,
            success_probability=kept / total if total else 1.0,
            success_stderr=math.hypot(
                self.success_stderr * self.total_shots, other.success_stderr * other.total_shots
            )
            / (total or 1),
            expected_success=_mean(self, other),
            oracle_calls=self.oracle_calls + other.oracle_calls,
            bias=_both(lambda one, two: a * one + b * two, self.bias, other.bias),
            reliable=_both(np.logical_and, self.reliable, other.reliable),
            contrast=_both(lambda one, two: a * one + b * two, self.contrast, other.contrast),
            counts=counts,
            count_unit=unit,
            independent=self.independent and other.independent,
            quantity=self.quantity,
            streams=self.streams | other.streams,
        )

    def __radd__(self, other: object) -> Convolution:
        """So that ``sum`` of several results, which begins with 0, is their sum."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result to one ``.npz`` file, circuits included (QPY), without pickle.

        The file appears whole or not at all. One of that name is replaced and keeps its
        permissions; a symbolic link is followed, a pipe or a device written to.

        Raises:
            PermissionError: The file is write-protected.
            OSError: It cannot be written.
        """
        fields = {
            "format": _FORMAT,
            "shots": self.shots,
            "total_shots": self.total_shots,
            "success_probability": self.success_probability,
            "success_stderr": self.success_stderr,
            "expected_success": self.expected_success,
            "oracle_calls": self.oracle_calls,
            "independent": self.independent,
            "quantity": self.quantity,
            "streams": sorted(self.streams),
        }
        given = {name: getattr(self, name) for name in _OPTIONAL}
        optional = {name: array for name, array in given.items() if array is not None}
        circuits = io.BytesIO()
        if self.circuits:
            qpy.dump(list(self.circuits), circuits)
        with written_together(Path(path)) as (partial,), open(partial, "wb") as file:
            np.savez(
                file,
                image=self.image,
                stderr=self.stderr,
                circuits=np.frombuffer(circuits.getvalue(), dtype=np.uint8),
                fields=np.array(json.dumps(fields)),
                **optional,
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Convolution:
        """Read a result that `save` wrote.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is not one that `save` wrote.
        """
        with open(path, "rb") as file:
            try:
                return cls._read(file)
            except Exception as error:  # a file can be wrong in as many ways as there are readers
                reason = " ".join(str(error).split()) or type(error).__name__
                raise ValueError(f"path: {path} is not a saved Convolution ({reason})") from error

    @classmethod
    def _read(cls, file: BinaryIO) -> Convolution:
        """Read what `save` wrote; any exception if it is something else."""
        with np.load(file, allow_pickle=False) as arrays:
            image, stderr, packed = (arrays[name] for name in ("image", "stderr", "circuits"))
            fields = json.loads(str(arrays["fields"]))
            optional = {name: arrays.get(name) for name in _OPTIONAL}
        if fields.pop("format") != _FORMAT:
            raise ValueError("its format is of another version")
        circuits = tuple(qpy.load(io.BytesIO(packed.tobytes()))) if packed.size else ()
        fields["streams"] = frozenset(fields["streams"])
        return cls(image=image, stderr=stderr, circuits=circuits, **optional, **fields)

    def plot(
        self,
        image: ArrayLike | None = None,
        exact: ArrayLike | None = None,
        *,
        propagator: Propagator | None = None,
        title: str = "",
    ) -> Figure:
        """Draw the result with its standard error (needs matplotlib, of the extra ``images``).

        Args:
            image: The input, to be shown beside it: one or two axes.
            exact: The exact convolution, shape of the result: shows the difference, a row with its
                95 % intervals, and the errors against the normal law.
            propagator: What the circuit encodes, to be shown as well.
            title: A line above everything.

        Returns:
            A figure; in a notebook that has imported ``matplotlib.pyplot`` it shows itself.

        Raises:
            ModuleNotFoundError: matplotlib is not installed.
            ValueError: The result has more than two axes (draw a plane of it), or ``exact``
                another shape.
        """
        try:
            import matplotlib  # noqa: F401  (asked for before anything is drawn)
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                "plot: needs matplotlib; install it with: pip install 'qconv[images]'"
            ) from None
        if self.image.ndim > 2 or not self.image.size:
            raise ValueError(
                "plot: expected a result with one or two axes, got the shape "
                f"{self.image.shape}; draw a plane of it"
            )
        beside = {"image": image, "exact": exact}
        given = {k: real_array(v, k) for k, v in beside.items() if v is not None}
        if "exact" in given and given["exact"].shape != self.image.shape:
            raise ValueError(
                f"exact: expected the shape {self.image.shape}, got {given['exact'].shape}"
            )
        if "image" in given and given["image"].ndim not in (1, 2):
            raise ValueError(f"image: expected one or two axes, got {given['image'].ndim}")
        return result_figure(
            self.image,
            self.stderr,
            image=given.get("image"),
            exact=given.get("exact"),
            bias=self.bias,
            propagator=propagator,
            title=title,
        )

    #: Sums and products with arrays would lose the standard error: NumPy is told to refuse them.
    __array_ufunc__ = None

    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> NDArray[np.float64]:
        """The image, so that NumPy and matplotlib take a result where they take an array."""
        return np.array(self.image, dtype=dtype, copy=copy)

    def _repr_html_(self) -> str:
        """How a notebook shows it: small pictures beside the table."""
        return preview({"estimate": self.image, "standard error": self.stderr}, self._rows())

    def __repr__(self) -> str:
        shots = "exact" if self.shots is None else f"{self.shots} shots a pixel"
        return f"<Convolution {self.image.shape}, {shots}, {self.total_shots} in total>"

    def __str__(self) -> str:
        return "\n".join(f"{name:<22}{text}" for name, text in self._rows())

    @numpy_defaults
    def _rows(self) -> list[tuple[str, str]]:
        """What is known, by its names."""
        exact = self.shots is None
        rows = [
            ("output pixels", " x ".join(map(str, self.image.shape))),
            ("shots a pixel", "exact expectation" if exact else f"{self.shots:,}"),
            ("executions in total", f"{self.total_shots:,}"),
            ("success probability", f"{self.success_probability:.6g}"),
            ("oracle calls", f"{self.oracle_calls:,}"),
            ("mean standard error", f"{self.stderr.mean() if self.stderr.size else 0:.6g}"),
            ("errors of pixels", "independent" if self.independent else "correlated"),
        ]
        if self.reliable is not None:
            rows.append(("reliable pixels", f"{100 * self.reliable.mean():.1f} %"))
        if self.bias is not None:
            rows.append(("sampling adds (rms)", f"{_root_mean_square(self.stderr):.6g}"))
            rows.append(("noise adds (rms)", f"{_root_mean_square(self.bias):.6g}"))
        if self.contrast is not None:
            rows.append(("contrast left", ", ".join(f"{part:.3f}" for part in self.contrast)))
        if self.expected_success is not None:
            rows[3] = (rows[3][0], f"{rows[3][1]} +- {self.success_stderr:.2g}")
            rows.insert(4, ("as predicted", f"{self.expected_success:.6g}"))
        return rows


def _root_mean_square(numbers: NDArray[np.float64]) -> float:
    largest = float(np.abs(numbers).max(initial=0))  # so that no square over- or underflows
    return largest * float(np.sqrt(np.mean(np.square(numbers / largest)))) if largest else 0.0


def contents(circuit: QuantumCircuit) -> bytes:
    """Digest of a circuit's registers, gates and numbers; Qiskit would compare them one by one."""
    digest = hashlib.blake2b(repr(circuit.qregs).encode(), digest_size=16)
    index = {qubit: place for place, qubit in enumerate(circuit.qubits)}
    for item in circuit:
        digest.update(repr((item.name, [index[qubit] for qubit in item.qubits])).encode())
        for part in [item.params] if len(item.params) > 3 else item.params:
            digest.update(np.asarray(part).astype(np.complex128).tobytes())
    return digest.digest()


def _mean(first: Convolution, second: Convolution) -> float | None:
    """What two results together were predicted to keep; None if either predicts nothing."""
    if first.expected_success is None or second.expected_success is None:
        return None
    share = first.total_shots / (first.total_shots + second.total_shots)
    return share * first.expected_success + (1 - share) * second.expected_success


def _both(
    join: Callable[[Any, Any], Any], first: NDArray[Any] | None, second: NDArray[Any] | None
) -> NDArray[Any] | None:
    """What two arrays are together; None if either is missing."""
    return None if first is None or second is None else np.asarray(join(first, second))


def _joint_unit(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """The magnitude for which one count is expected when the executions of both count."""
    both = np.hypot(first, second)
    share = np.divide(first, both, np.zeros_like(both), where=both > 0)
    return np.asarray(share * second)
