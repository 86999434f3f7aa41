"""Results: an estimated convolution with its standard error, its cost, and where it came from."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from qiskit import QuantumCircuit
from scipy.special import ndtri

from qconv._checks import numpy_defaults, real_array, real_number
from qconv._files import Place, written_together
from qconv.propagator import Propagator
from qconv.result.diagnostics import Diagnostics, UnknownKindError, added
from qconv.result.files import parts_of, read_parts
from qconv.result.index import basic_index
from qconv.result.numbers import contents, in_words, root_mean_square, shares
from qconv.result.operators import SumOnly, rejection
from qconv.result.origin import DIFFERENT, Origin
from qconv.result.success import Success

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Convolution(SumOnly):
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
        39.5 to 40.7
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
    success: Success = field(default_factory=Success)
    """Success probability with its standard error and its prediction."""
    oracle_calls: int = 0
    """Applications of the state preparation: one per shot where nothing else applies."""
    independent: bool = True
    """Whether the errors of different pixels are independent of each other, apart from a
    correlation of about 1/(number of pixels) where the pixels share a fixed total of shots."""
    bias: NDArray[np.float64] | None = None
    """Systematic error due to noise, where it is known, shape of ``image``: exact expectation with
    the backend's noise minus the one without. Not subtracted from ``image``, and not included in
    ``stderr``."""
    diagnostics: Diagnostics | None = None
    """Data specific to the method: reliability of the standard errors for `AmplitudeEstimation`,
    counts for magnitudes (``signed=False``), `Diagnostics` of a method of your own; None for other
    methods."""
    origin: Origin = field(default_factory=Origin)
    """Estimated quantity, random streams and versions of packages."""

    # ------------------------------------------------------------------------ short names of parts

    @property
    def success_probability(self) -> float:
        """Measured probability that an execution is successful.

        The fraction that was kept; with a reference qubit, the fraction that would be kept without
        it (an unbiased estimate, which can be slightly below 0 or above 1, and is more precise
        without a reference). For an amplified circuit (``amplify``), the fraction that was kept,
        the reference's share included.
        """
        return self.success.probability

    @property
    def success_stderr(self) -> float:
        """Standard error of ``success_probability``; 0 if it is exact."""
        return self.success.stderr

    @property
    def expected_success(self) -> float | None:
        """Success probability as predicted from image and kernel; None without a prediction."""
        return self.success.expected

    @property
    def quantity(self) -> str:
        """Digest of the estimated quantity: image, kernel, geometry, and noise and index if any."""
        return self.origin.quantity

    @property
    def streams(self) -> frozenset[str]:
        """Names of the random streams of the shots."""
        return self.origin.streams

    @property
    def versions(self) -> frozenset[str]:
        """Versions of the packages that computed the result, each as in ``"numpy 2.4.6"``.

        For a sum, those of all its parts.
        """
        return self.origin.versions

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of ``image``."""
        return self.image.shape

    @property
    def ndim(self) -> int:
        """Number of axes of ``image``."""
        return self.image.ndim

    # ---------------------------------------------------------------------------- what can be done

    def __getitem__(self, index: object) -> Convolution:
        """Return a part of the result, with its standard errors, bias, shots and diagnostics.

        Cost and circuits remain those of the whole. A part can be added to the same part of other
        results of the same convolution.

        Args:
            index: Integers, slices, ``...`` and ``np.newaxis``, which leave at least one axis.

        Raises:
            TypeError: If ``index`` is or contains anything else, such as an array or a mask.
            IndexError: If ``index`` is out of range, selects nothing, or leaves no axis.
        """
        place, name = basic_index(index, self.shape)
        if not name:
            return self
        return replace(
            self,
            image=self.image[place],
            stderr=self.stderr[place],
            shots=self.shots[place] if isinstance(self.shots, np.ndarray) else self.shots,
            bias=None if self.bias is None else self.bias[place],
            diagnostics=None if self.diagnostics is None else self.diagnostics[place],
            origin=self.origin.part(name),
        )

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
        """Return the result of all shots of both: means weighted by shots, errors combined.

        ``diagnostics`` can give other weights, or an estimate of their own: amplitude estimation
        weights by information, and magnitudes are estimated from all counts.

        Raises:
            TypeError: If ``other`` is not a result.
            ValueError: If the two estimate different things, one is exact, or they share shots.
        """
        if not isinstance(other, Convolution):
            raise rejection(self, "+", other)
        if self.shape != other.shape:
            raise ValueError(DIFFERENT)
        origin = self.origin + other.origin
        if self.shots is None or other.shots is None:
            raise ValueError("an exact result (shots=None) has no shots to add")
        diagnostics, weights = added(self.diagnostics, other.diagnostics)
        a, b = map(np.asarray, weights or shares(self.shots, other.shots))
        bias = None
        if self.bias is not None and other.bias is not None:
            bias = np.asarray(a * self.bias + b * other.bias)
        estimate = None if diagnostics is None else diagnostics.estimate()
        if estimate is None:
            estimate = a * self.image + b * other.image, np.hypot(a * self.stderr, b * other.stderr)
        known = set(map(contents, self.circuits))
        return Convolution(
            *estimate,
            shots=self.shots + other.shots,
            total_shots=self.total_shots + other.total_shots,
            circuits=self.circuits + tuple(c for c in other.circuits if contents(c) not in known),
            success=self.success.together(self.total_shots, other.success, other.total_shots),
            oracle_calls=self.oracle_calls + other.oracle_calls,
            independent=self.independent and other.independent,
            bias=bias,
            diagnostics=diagnostics,
            origin=origin,
        )

    def __radd__(self, other: object) -> Convolution:
        """Return the result itself for 0, so that ``sum`` of results, which begins with 0, works.

        Raises:
            TypeError: If ``other`` is anything else.
        """
        if isinstance(other, int) and other == 0:
            return self
        raise rejection(other, "+", self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result to one ``.npz`` file, circuits included (QPY), without pickle.

        A name without an ending is kept as it is. The file appears whole or not at all. A file of
        that name is replaced and keeps its permissions; a symbolic link is followed, a pipe or a
        device written to.

        Raises:
            ValueError: If the name has another ending than ``.npz``.
            PermissionError: If the file is write-protected.
            OSError: If the file cannot be written.
        """
        place = Path(path)
        if place.suffix.lower() not in ("", ".npz") and not Place.of(place).is_stream:
            raise ValueError(f"path: expected a name ending in .npz, got '{place}'")
        with written_together(place) as (partial,), open(partial, "wb") as file:
            np.savez(file, **parts_of(vars(self)))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Convolution:
        """Read a result that `save` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is not one that `save` wrote, or has diagnostics of a class that
                has not been imported.
        """
        with open(path, "rb") as file:
            try:
                return cls(**read_parts(file))
            except UnknownKindError as error:
                raise ValueError(f"path: {path}: {error}") from error
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
        from qconv.visualization.figures import result_figure

        return result_figure(
            self.image,
            self.stderr,
            image=given.get("image"),
            exact=given.get("exact"),
            bias=self.bias,
            propagator=propagator,
            title=title,
        )

    def __array__(
        self, dtype: DTypeLike | None = None, copy: bool | None = None
    ) -> NDArray[np.float64]:
        """The image, so that NumPy and matplotlib take a result where they take an array."""
        return np.array(self.image, dtype=dtype, copy=copy)

    def to_numpy(self) -> NDArray[np.float64]:
        """Return the image, which matplotlib requests from objects that have a shape."""
        return self.image

    def _repr_html_(self) -> str:
        """How a notebook shows it: small pictures beside the table."""
        from qconv.visualization.preview import preview

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
        if self.diagnostics is not None:
            rows += self.diagnostics.rows()
        if self.bias is not None:
            rows.append(("sampling adds (rms)", f"{root_mean_square(self.stderr):.6g}"))
            rows.append(("noise adds (rms)", f"{root_mean_square(self.bias):.6g}"))
        if self.expected_success is not None:
            rows[3] = (rows[3][0], f"{rows[3][1]} +- {self.success_stderr:.2g}")
            rows.insert(4, ("as predicted", f"{self.expected_success:.6g}"))
        return rows


def load(path: str | os.PathLike[str]) -> Convolution:
    """Read a result that `Convolution.save` wrote.

    Args:
        path: Name of the file.

    Returns:
        The result, with its circuits and diagnostics.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a saved result, or has diagnostics of a class that has not
            been imported.

    Example:
        >>> import tempfile
        >>> import qconv
        >>> result = qconv.convolve([0, 10, 20], [1, 2, 1], shots=1000, seed=7)
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     result.save(f"{directory}/result.npz")
        ...     again = qconv.load(f"{directory}/result.npz")
        >>> again.shots, bool((again.image == result.image).all())
        (1000, True)
    """
    return Convolution.load(path)
