"""Results: an estimated convolution with its standard error, its cost, and where it came from."""

from __future__ import annotations

import io
import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from qiskit import QuantumCircuit, qpy
from scipy.special import ndtri

from qconv._checks import numpy_defaults, real_array, real_number
from qconv._files import written_together
from qconv._versions import versions
from qconv.propagator import Propagator
from qconv.result.circuits import with_arrays, with_numbers
from qconv.result.numbers import both, contents, in_words, joint_unit, root_error, root_mean_square
from qconv.visualization.figures import result_figure
from qconv.visualization.preview import preview

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FORMAT = 4  # of the files that `Convolution.save` writes

#: Fields that are arrays, or None.
_OPTIONAL = ("bias", "reliable", "contrast", "counts", "count_unit")


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
    shots: int | NDArray[np.int64] | None
    """Shots that each output pixel's estimate rests on: one number, or an array of the image's
    shape where they differ; None for the exact expectation."""
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
    information: float | None = None
    """Fisher information about each pixel's angle that amplitude estimation's shots were to give,
    without noise: by which results add up. None where every shot tells as much."""
    quantity: str = ""
    """Digest of what was estimated: image, kernel, geometry, and the backend's noise if any."""
    streams: frozenset[str] = frozenset()
    """Names of the random streams that the shots came from."""
    versions: frozenset[str] = field(default_factory=versions)
    """Versions of the packages that computed the result, each as in ``"numpy 2.4.6"``; of all its
    parts if it is a sum."""

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

        Amplitude estimation weights by information instead, as its shots do not tell alike.

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
        a, b = _shares(self, other)
        total = self.total_shots + other.total_shots
        kept = (
            self.success_probability * self.total_shots
            + other.success_probability * other.total_shots
        )
        known = set(map(contents, self.circuits))
        new = tuple(c for c in other.circuits if contents(c) not in known)
        image = a * self.image + b * other.image
        stderr = np.hypot(a * self.stderr, b * other.stderr)
        counts = both(np.add, self.counts, other.counts)
        unit = both(joint_unit, self.count_unit, other.count_unit)
        if counts is not None and unit is not None:  # roots have a bias that no mean takes away
            image = unit * np.sqrt(counts)
            stderr = unit * np.sqrt(root_error(counts.astype(np.float64)))
        return Convolution(
            image=image,
            stderr=stderr,
            shots=self.shots + other.shots,
            total_shots=total,
            circuits=self.circuits + new,
            success_probability=kept / total if total else 1.0,
            success_stderr=math.hypot(
                self.success_stderr * self.total_shots, other.success_stderr * other.total_shots
            )
            / (total or 1),
            expected_success=_mean(self, other),
            oracle_calls=self.oracle_calls + other.oracle_calls,
            bias=both(lambda one, two: a * one + b * two, self.bias, other.bias),
            reliable=both(np.logical_and, self.reliable, other.reliable),
            contrast=both(
                lambda one, two: np.mean(a) * one + np.mean(b) * two, self.contrast, other.contrast
            ),
            counts=counts,
            count_unit=unit,
            information=_sum(self.information, other.information),
            independent=self.independent and other.independent,
            quantity=self.quantity,
            streams=self.streams | other.streams,
            versions=self.versions | other.versions,
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
        with written_together(Path(path)) as (partial,), open(partial, "wb") as file:
            np.savez(file, **parts_of(self))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Convolution:
        """Read a result that `save` wrote.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is not one that `save` wrote.
        """
        with open(path, "rb") as file:
            try:
                return read_parts(file)
            except Exception as error:  # a file can be wrong in as many ways as there are readers
                reason = " ".join(str(error).split()) or type(error).__name__
                raise ValueError(f"path: {path} is not a saved Convolution ({reason})") from error

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
        shots = "exact" if self.shots is None else f"{in_words(self.shots)} shots a pixel"
        return f"<Convolution {self.image.shape}, {shots}, {self.total_shots} in total>"

    def __str__(self) -> str:
        return "\n".join(f"{name:<22}{text}" for name, text in self._rows())

    @numpy_defaults
    def _rows(self) -> list[tuple[str, str]]:
        """What is known, by its names."""
        rows = [
            ("output pixels", " x ".join(map(str, self.image.shape))),
            ("shots a pixel", in_words(self.shots)),
            ("executions in total", f"{self.total_shots:,}"),
            ("success probability", f"{self.success_probability:.6g}"),
            ("oracle calls", f"{self.oracle_calls:,}"),
            ("mean standard error", f"{self.stderr.mean() if self.stderr.size else 0:.6g}"),
            ("errors of pixels", "independent" if self.independent else "correlated"),
        ]
        if self.reliable is not None:
            rows.append(("reliable pixels", f"{100 * self.reliable.mean():.1f} %"))
        if self.bias is not None:
            rows.append(("sampling adds (rms)", f"{root_mean_square(self.stderr):.6g}"))
            rows.append(("noise adds (rms)", f"{root_mean_square(self.bias):.6g}"))
        if self.contrast is not None:
            rows.append(("contrast left", ", ".join(f"{part:.3f}" for part in self.contrast)))
        if self.expected_success is not None:
            rows[3] = (rows[3][0], f"{rows[3][1]} +- {self.success_stderr:.2g}")
            rows.insert(4, ("as predicted", f"{self.expected_success:.6g}"))
        return rows


def parts_of(result: Convolution) -> dict[str, Any]:
    """What `Convolution.save` writes, by the names of its arrays."""
    fields = {
        "format": _FORMAT,
        "shots": None if isinstance(result.shots, np.ndarray) else result.shots,
        "total_shots": result.total_shots,
        "success_probability": result.success_probability,
        "success_stderr": result.success_stderr,
        "expected_success": result.expected_success,
        "oracle_calls": result.oracle_calls,
        "independent": result.independent,
        "information": result.information,
        "quantity": result.quantity,
        "streams": sorted(result.streams),
        "versions": sorted(result.versions),
    }
    given = {name: getattr(result, name) for name in _OPTIONAL}
    optional = {name: array for name, array in given.items() if array is not None}
    if isinstance(result.shots, np.ndarray):
        optional["shots_of_pixels"] = result.shots
    circuits = io.BytesIO()
    if result.circuits:
        qpy.dump([with_arrays(circuit) for circuit in result.circuits], circuits)
    return {
        "image": result.image,
        "stderr": result.stderr,
        "circuits": np.frombuffer(circuits.getvalue(), dtype=np.uint8),
        "fields": np.array(json.dumps(fields)),
        **optional,
    }


def read_parts(file: IO[bytes]) -> Convolution:
    """Read `parts_of` a result from an ``.npz`` file; any exception if it is something else."""
    with np.load(file, allow_pickle=False) as arrays:
        image, stderr, packed = (arrays[name] for name in ("image", "stderr", "circuits"))
        fields = json.loads(str(arrays["fields"]))
        optional = {name: arrays.get(name) for name in _OPTIONAL}
        each = arrays.get("shots_of_pixels")
    if fields.pop("format") != _FORMAT:
        raise ValueError("its format is of another version")
    loaded = qpy.load(io.BytesIO(packed.tobytes())) if packed.size else ()
    for name in ("streams", "versions"):
        fields[name] = frozenset(fields[name])
    if each is not None:
        fields["shots"] = each
    return Convolution(
        image=image, stderr=stderr, circuits=tuple(map(with_numbers, loaded)), **optional, **fields
    )


def _shares(first: Convolution, second: Convolution) -> tuple[Any, Any]:
    """What each of two results counts in their sum: one number, or one for every pixel."""
    one: Any = first.information
    other: Any = second.information
    if one is None or other is None:
        one, other = first.shots, second.shots
    nothing = 0.5 * (one + other == 0)  # nothing varies without shots
    total = np.where(one + other == 0, 1, one + other)
    return one / total + nothing, other / total + nothing


def _sum(one: float | None, other: float | None) -> float | None:
    """Of two numbers; None if either is."""
    return None if one is None or other is None else one + other


def _mean(first: Convolution, second: Convolution) -> float | None:
    """What two results together were predicted to keep; None if either predicts nothing."""
    if first.expected_success is None or second.expected_success is None:
        return None
    share = first.total_shots / (first.total_shots + second.total_shots)
    return share * first.expected_success + (1 - share) * second.expected_success
