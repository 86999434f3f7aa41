"""Results: estimated convolutions with their standard errors, cost and origin."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from qiskit import QuantumCircuit

from qconv._checks import Numbers, numpy_defaults, parts_of_numbers
from qconv._files import Place, written_together
from qconv.propagator import Propagator
from qconv.result.diagnostics import Diagnostics, UnknownKindError, added
from qconv.result.drawing import beside, point_in, require_drawable
from qconv.result.files import parts_of, read_parts
from qconv.result.index import View, axis_after, basic_index
from qconv.result.numbers import (
    contents,
    deviations,
    in_words,
    larger_part,
    root_mean_square,
    root_of_squares,
    shares,
)
from qconv.result.operators import SumOnly, rejection
from qconv.result.origin import DIFFERENT, Origin
from qconv.result.success import Success
from qconv.result.tolerance import Shortfall, Written, in_a_row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Convolution(SumOnly):
    """Estimate of a convolution with its standard error.

    Results of the same convolution from independent shots can be added: ``a + b`` has the shots of
    both results.

    Example:
        >>> import qconv
        >>> first = qconv.convolve([0, 10, 20], [1, 2, 1], shots=1000, seed=7)
        >>> both = first + qconv.convolve([0, 10, 20], [1, 2, 1], shots=3000, seed=8)
        >>> both.shots, both.total_shots
        (4000, 20000)
        >>> print(f"{first.stderr[2] / both.stderr[2]:.2f}")  # 4 times the shots, half the error
        2.00
        >>> low, high = both.interval(0.95)
        >>> print(f"{low[2]:.1f} to {high[2]:.1f}")
        39.5 to 40.7
    """

    image: Numbers
    """Estimate of the convolution, one number per output pixel, in units of image times kernel.
    Complex if the image or the kernel is complex."""
    stderr: Numbers
    """Standard error of each pixel of ``image``, same shape and unit; 0 where the result is exact.
    For a complex ``image``, its real and its imaginary part are the standard errors of the real and
    of the imaginary part of ``image``."""
    shots: int | NDArray[np.int64] | None
    """Shots of each output pixel: an integer, or an array of the shape of ``image`` if they differ;
    None for the exact expectation."""
    total_shots: int
    """Total number of executions, including discarded executions."""
    circuits: tuple[QuantumCircuit, ...]
    """Circuits that ran, before transpiling, with named registers."""
    success: Success = field(default_factory=Success)
    """Success probability with its standard error and its prediction."""
    oracle_calls: int = 0
    """Total number of applications of the state preparation or its inverse."""
    independent: bool = True
    """Whether the errors of different pixels are independent. If the pixels share a fixed number of
    executions, a correlation of about 1/(number of pixels) is neglected."""
    covariance: NDArray[np.float64] | None = None
    """Covariance of the errors of real and imaginary part of each pixel, shape of ``image``, in the
    square of its unit; None for real results. It is 0 if the parts were measured separately."""
    bias: Numbers | None = None
    """Systematic error that noise causes, in the shape and unit of ``image``; None if it is
    unknown. This error is the exact expectation with the backend's noise, minus the exact
    expectation without noise. ``image`` and ``stderr`` do not account for this error."""
    loading_bias: NDArray[np.float64] | None = None
    """Systematic error that approximate loading of the image causes, in the shape and unit of
    ``image``; None if the image is loaded exactly. This error is the exact expectation with the
    loaded image, minus the exact expectation with the given image. ``image`` and ``stderr`` do not
    account for this error, and ``bias`` does not include it."""
    diagnostics: Diagnostics | None = None
    """Data specific to the method; None for methods without such data. `AmplitudeEstimation` adds
    the reliability of standard errors, methods with ``signed=False`` add counts, and a method of
    your own can add its own `Diagnostics`."""
    tolerance: Written | None = None
    """Requested standard error, as passed to the call: a number, ``("rms", number)`` or None."""
    channel_axis: int | None = None
    """Axis of the channels, such as the colours of a picture; None without channels."""
    origin: Origin = field(default_factory=Origin)
    """Digest of the estimated quantity, names of random streams, and versions of packages."""

    # -------------------------------------------------------------------------------- properties

    @property
    def success_probability(self) -> float:
        """Measured probability that an execution is successful.

        Without a reference qubit, and for an amplified circuit (``amplify``), this is the fraction
        of executions that were kept. The fraction of an amplified circuit includes the share of the
        reference. For any other method with a reference qubit, this is an unbiased estimate of the
        fraction that would be kept without the reference. The estimate can be slightly below 0 or
        above 1.
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
    def shortfall(self) -> Shortfall | None:
        """Number of pixels whose standard error exceeds ``tolerance``, and by which factor.

        None if no pixel exceeds it, or if the call gave no tolerance.
        """
        return Shortfall.of(self.stderr, self.tolerance)

    @property
    def quantity(self) -> str:
        """Digest of the estimated quantity.

        The quantity depends on image, kernel, geometry, noise (if any), and index of the selected
        part (if any).
        """
        return f"{self.origin.quantity}{self.origin.part}"

    @property
    def streams(self) -> frozenset[str]:
        """Names of the random streams of the shots."""
        return self.origin.streams

    @property
    def versions(self) -> frozenset[str]:
        """Versions of the packages that computed the result, each as in ``"numpy 2.4.6"``.

        A sum of results has the versions of all its parts.
        """
        return self.origin.versions

    def with_versions(self, versions: frozenset[str]) -> Convolution:
        """Return the result with other versions of packages."""
        return replace(self, origin=replace(self.origin, versions=versions))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of ``image``."""
        return self.image.shape

    @property
    def ndim(self) -> int:
        """Number of axes of ``image``."""
        return self.image.ndim

    # ----------------------------------------------------------------------------------- methods

    def __getitem__(self, index: object) -> Convolution:
        """Return a part of the result, with its standard errors, bias, shots and diagnostics.

        Cost and circuits of the whole are kept. A part can be added to the same part of other
        results of the same convolution.

        Args:
            index: Integers, slices, ``...`` and ``np.newaxis``, which leave at least one axis.

        Raises:
            TypeError: If ``index`` is or contains anything else, such as an array or a mask.
            IndexError: If ``index`` is out of range, selects nothing, or leaves no axis.
        """
        view = self.origin.view or View.of(self.shape)
        place, part = basic_index(index, self.shape, view)
        if part == view:
            return self
        return replace(
            self,
            image=self.image[place],
            stderr=self.stderr[place],
            shots=self.shots[place] if isinstance(self.shots, np.ndarray) else self.shots,
            covariance=None if self.covariance is None else self.covariance[place],
            bias=None if self.bias is None else self.bias[place],
            loading_bias=None if self.loading_bias is None else self.loading_bias[place],
            diagnostics=None if self.diagnostics is None else self.diagnostics[place],
            tolerance=None if isinstance(self.tolerance, tuple) else self.tolerance,
            channel_axis=axis_after(place, self.shape, self.channel_axis),
            origin=replace(self.origin, view=part if part.name else None),
        )

    @numpy_defaults
    def interval(self, level: float = 0.95) -> tuple[Numbers, Numbers]:
        """Return the confidence interval of every pixel, from the normal distribution.

        A complex result has two intervals: the real parts of the ends are the interval of the real
        part, and the imaginary parts are the interval of the imaginary part.

        Args:
            level: Coverage, between 0 and 1: probability that the interval of a pixel contains its
                true value. The coverage differs from ``level`` if an important kernel position is
                expected fewer than about five times among the shots of a pixel. The mean is then
                not normally distributed.

        Returns:
            Lower and upper ends, each of the shape of ``image``.

        Raises:
            TypeError: If ``level`` is not a number.
            ValueError: If ``level`` is not between 0 and 1.
        """
        reach = deviations(level) * self.stderr
        return self.image - reach, self.image + reach

    @numpy_defaults
    def __add__(self, other: Convolution) -> Convolution:
        """Return the sum of two results: their mean weighted by shots, with its standard error.

        ``diagnostics`` can replace the weights or the mean. Results of amplitude estimation are
        weighted by information. Results of whole-image methods are estimated from the sum of the
        counts.

        Raises:
            TypeError: If ``other`` is not a result.
            ValueError: If the results estimate different quantities, one is exact, or they share
                shots.
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
        estimate = None if diagnostics is None else diagnostics.estimate()
        if estimate is None:
            stderr = root_of_squares(a * self.stderr, b * other.stderr)
            estimate = a * self.image + b * other.image, stderr
        covariance = None
        if self.covariance is not None and other.covariance is not None:
            covariance = np.asarray(a**2 * self.covariance + b**2 * other.covariance)
        known = set(map(contents, self.circuits))
        return Convolution(
            *estimate,
            shots=self.shots + other.shots,
            total_shots=self.total_shots + other.total_shots,
            circuits=self.circuits + tuple(c for c in other.circuits if contents(c) not in known),
            success=self.success.together(self.total_shots, other.success, other.total_shots),
            oracle_calls=self.oracle_calls + other.oracle_calls,
            independent=self.independent and other.independent,
            covariance=covariance,
            bias=_mean_of(self.bias, a, other.bias, b),
            loading_bias=_mean_of(self.loading_bias, a, other.loading_bias, b),
            diagnostics=diagnostics,
            tolerance=self.tolerance if self.tolerance == other.tolerance else None,
            channel_axis=self.channel_axis,
            origin=origin,
        )

    def __radd__(self, other: object) -> Convolution:
        """Return the result itself if 0 is added, because ``sum`` of a list begins with 0.

        Raises:
            TypeError: If ``other`` is not 0.
        """
        if isinstance(other, int) and other == 0:
            return self
        raise rejection(other, "+", self)

    def magnitude(self) -> Convolution:
        """Return the magnitude of a complex result, with its standard error.

        The standard error is the root mean square error of ``abs(image)`` to second order. It
        includes the covariance of both parts. Where the magnitude is not larger than about three
        standard errors, the magnitude is biased upwards, because noise adds to it, and its error is
        not normally distributed. The standard error is at most the square root of the sum of both
        variances, because a magnitude changes by at most as much as the number.

        Returns:
            Result with a real image. Its shots and its cost are unchanged. It has no diagnostics
            and cannot be added to other results: add the complex results first.

        Raises:
            TypeError: If the result is real.
        """
        return polar(self, "magnitude")

    def phase(self) -> Convolution:
        """Return the phase of a complex result in radians, with its standard error.

        The standard error is the first-order error of ``angle(image)``, but at most
        ``pi / sqrt(3)``, the standard deviation of an unknown phase.

        Returns:
            Result with a real image from -pi to pi, see `magnitude`.

        Raises:
            TypeError: If the result is real.
        """
        return polar(self, "phase")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the result to one ``.npz`` file, circuits included (QPY), without pickle.

        A name without an extension is used unchanged. The file is written completely or not at
        all. An existing file is replaced and keeps its permissions. Symbolic links are followed;
        pipes and devices are written to.

        Raises:
            ValueError: If the name has an extension other than ``.npz``.
            PermissionError: If the file is write-protected.
            OSError: If the file cannot be written.
        """
        place = Path(path)
        if place.suffix.lower() not in ("", ".npz") and not Place.of(place).is_stream:
            raise ValueError(f"path: expected a name ending in .npz, got '{place}'")
        with written_together(place) as (partial,), open(partial, "wb") as file:
            np.savez(file, **self.arrays())  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Convolution:
        """Read a result that `save` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is not a saved result, or contains diagnostics of a class that
                has not been imported.
        """
        with open(path, "rb") as file:
            try:
                with np.load(file, allow_pickle=False) as arrays:
                    return cls.from_arrays(arrays)
            except UnknownKindError as error:
                raise ValueError(f"path: {path}: {error}") from error
            except Exception as error:  # NumPy, json and qpy raise many kinds of errors
                reason = " ".join(str(error).split()) or type(error).__name__
                raise ValueError(f"path: {path} is not a saved Convolution ({reason})") from error

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays that `save` writes, by name."""
        return parts_of(vars(self))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Convolution:
        """Return the result whose `arrays` are given; any exception means wrong arrays."""
        return cls(**read_parts(arrays))

    def plot(
        self,
        image: ArrayLike | None = None,
        exact: ArrayLike | None = None,
        *,
        propagator: Propagator | None = None,
        point: tuple[int, ...] | None = None,
        title: str = "",
        ax: Axes | Sequence[Axes] | NDArray[Any] | None = None,
    ) -> Figure:
        """Draw the result with its standard error (needs matplotlib, see the extra ``images``).

        Signals are drawn as lines, and volumes by three orthogonal planes through a point. The
        three channels (``channel_axis``) of images and volumes are drawn as red, green and blue.
        Errors are averaged over the channels.

        A complex result is drawn by its magnitude, its phase, its real and its imaginary part.
        Phases have the colours of a colour wheel. Where the magnitude is below its standard error,
        the phase is grey.

        Args:
            image: Input, with the axes of the result; None to draw no input.
            exact: Exact convolution, shape of the result; None if it is unknown. If it is given,
                the figure also shows the difference and part of one row of the image with its 95 %
                intervals. The distribution of the errors is shown beside the normal distribution.
            propagator: Propagator that the circuit encodes, drawn as well; None to draw none.
            point: Index ``(plane, row, column)`` of the pixel of a volume in which the three drawn
                planes meet; None for the centre.
            title: Title of the figure.
            ax: Matplotlib axes of your own figure; None for a new figure. Single axes show only the
                result, or only the magnitude of a complex result. An array or list with axes for
                each picture shows everything.

        Returns:
            Figure, or the figure of ``ax``. A notebook shows it if ``matplotlib.pyplot`` has been
            imported.

        Raises:
            ModuleNotFoundError: If matplotlib is not installed.
            TypeError: If ``ax`` does not consist of matplotlib axes.
            ValueError: If the result has more than three axes besides the channels, or if the
                channels of an image or a volume are not three. It is also raised if ``image`` or
                ``exact`` has the wrong shape, ``point`` is outside the result, or the number of
                ``ax`` is wrong.
        """
        try:
            import matplotlib  # noqa: F401  (checks that it is installed)
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                "plot: needs matplotlib; install it with: pip install 'qconv[images]'"
            ) from None
        axis = self.channel_axis
        require_drawable(self.shape, axis)
        where = point_in(self.shape, axis, point)
        x, truth = beside(self.image, axis, image, exact)
        from qconv.visualization.figures import result_figure

        def last(part: Numbers) -> Numbers:
            return part if axis is None else np.moveaxis(part, axis, -1)

        return result_figure(
            last(self.image),
            last(self.stderr),
            image=None if x is None else last(x),
            exact=None if truth is None else last(truth),
            bias=None if self.bias is None else last(self.bias),
            loading_bias=None if self.loading_bias is None else last(self.loading_bias),
            propagator=propagator,
            title=title,
            channels=axis is not None,
            point=where,
            places=None if ax is None else _places(ax),
        )

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Numbers:
        """Return the image, so that NumPy and matplotlib accept results in place of arrays."""
        return np.array(self.image, dtype=dtype, copy=copy)

    def to_numpy(self) -> Numbers:
        """Return the image; matplotlib calls this method on objects that have a shape."""
        return self.image

    def _repr_html_(self) -> str:
        """Return small pictures beside the table, for notebooks."""
        from qconv.visualization.preview import preview

        pictures = {"estimate": self.image, "standard error": self.stderr}
        if self.covariance is not None:
            pictures = {
                "magnitude": np.abs(self.image),
                "phase": self.image,
                "standard error of the real part": self.stderr.real,
                "standard error of the imaginary part": self.stderr.imag,
            }
        return preview(pictures, self._rows(), self.channel_axis)

    def __repr__(self) -> str:
        shots = "exact" if self.shots is None else f"{in_words(self.shots)} shots per pixel"
        return f"<Convolution {self.image.shape}, {shots}, {self.total_shots} executions>"

    def __str__(self) -> str:
        return "\n".join(f"{name:<22}{text}" for name, text in self._rows())

    @numpy_defaults
    def _rows(self) -> list[tuple[str, str]]:
        """Return the rows of the printed table, as pairs of a name and a text."""
        rows = [
            ("output pixels", " x ".join(map(str, self.image.shape))),
            ("shots per pixel", in_words(self.shots)),
            ("total executions", f"{self.total_shots:,}"),
            ("success probability", f"{self.success_probability:.6g}"),
            ("oracle calls", f"{self.oracle_calls:,}"),
            ("mean standard error", _mean(self.stderr)),
            ("errors of pixels", "independent" if self.independent else "correlated"),
        ]
        if self.tolerance is not None:
            rows.append(("tolerance", in_a_row(self.stderr, self.tolerance)))
        if self.diagnostics is not None:
            rows += self.diagnostics.rows()
        biases = {"rms bias": self.bias, "rms loading bias": self.loading_bias}
        known = [(name, bias) for name, bias in biases.items() if bias is not None]
        if known:
            rows.append(("rms standard error", f"{root_mean_square(self.stderr):.6g}"))
            rows += [(name, f"{root_mean_square(bias):.6g}") for name, bias in known]
        if self.expected_success is not None:
            rows[3] = (rows[3][0], f"{rows[3][1]} +- {self.success_stderr:.2g}")
            rows.insert(4, ("predicted success", f"{self.expected_success:.6g}"))
        return rows


def _mean_of(one: Any, a: Numbers, other: Any, b: Numbers) -> Any:
    """Return the mean of two arrays with given weights; None if one of them is None."""
    return None if one is None or other is None else np.asarray(a * one + b * other)


def _mean(stderr: Numbers) -> str:
    """Return the mean standard error as a text; for complex results, the mean over both parts."""
    parts = parts_of_numbers(stderr)
    return f"{parts.mean() if parts.size else 0:.6g}"


def made(
    image: Numbers,
    stderr: Numbers,
    *,
    success_probability: float = 1.0,
    success_stderr: float = 0.0,
    expected_success: float | None = None,
    quantity: str = "",
    streams: Set[str] = frozenset(),
    **more: Any,
) -> Convolution:
    """Make a result from its fields and properties, with Python's numbers in place of NumPy's."""
    success = map(_plain, (success_probability, success_stderr, expected_success))
    return Convolution(
        image=image,
        stderr=stderr,
        success=Success(*success),
        origin=Origin(quantity, frozenset(streams)),
        **{name: _plain(value) for name, value in more.items()},
    )


def _places(ax: object) -> list[Axes]:
    """Return matplotlib axes as a list; raise a ``TypeError`` for anything else."""
    from matplotlib.axes import Axes

    places: list[Axes] = [ax] if isinstance(ax, Axes) else np.ravel(np.array(ax, object)).tolist()
    for place in places:
        if not isinstance(place, Axes):
            raise TypeError(f"ax: expected matplotlib axes, got {place!r}")
    return places


def _plain(value: Any) -> Any:
    """Convert a NumPy number to a Python number; return anything else unchanged."""
    return value.item() if isinstance(value, np.generic) else value


def load(path: str | os.PathLike[str]) -> Convolution:
    """Read a result that `Convolution.save` wrote.

    Args:
        path: Path of the file.

    Returns:
        The result, with its circuits and diagnostics.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a saved result, or contains diagnostics of a class that has
            not been imported.

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


def polar(result: Convolution, what: str) -> Convolution:
    """Return the magnitude or the phase of a complex result, with its standard error."""
    if result.covariance is None:
        raise TypeError(f"{what}: expected a complex result, got a real one")
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.abs(result.image)
        cosine, sine = result.image.real / size, result.image.imag / size
        if what == "phase":
            cosine, sine = -sine, cosine
        square = np.square(cosine * result.stderr.real) + np.square(sine * result.stderr.imag)
        square += 2 * cosine * sine * result.covariance
        if what == "magnitude":  # second order: errors perpendicular to the value
            across = np.square(sine * result.stderr.real) + np.square(cosine * result.stderr.imag)
            across -= 2 * cosine * sine * result.covariance
            square += 0.75 * np.square(across / size)
        error = np.sqrt(np.maximum(square, 0))
        if what == "phase":
            error = np.fmin(error / size, math.pi / math.sqrt(3))
            error = np.where(larger_part(result.stderr) > 0, error, 0.0)
        else:  # at most the error of the number
            error = np.fmin(error, np.abs(result.stderr))
    bias = None
    if result.bias is not None:
        measured = np.abs if what == "magnitude" else np.angle
        right = result.image - result.bias
        bias = measured(result.image) - measured(right)
        if what == "phase":
            bias = np.angle(result.image * right.conj())
    quantity = f"{result.quantity} {what} of {sorted(result.streams)}"
    return replace(
        result,
        image=size if what == "magnitude" else np.angle(result.image),
        stderr=error,
        covariance=None,
        bias=bias,
        diagnostics=None,
        tolerance=None,
        origin=replace(result.origin, quantity=quantity),
    )
