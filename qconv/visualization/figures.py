"""Figures of results. Requires matplotlib, from the extra ``images``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qconv.propagator import Propagator
from qconv.visualization.pictures import GreyScale
from qconv.visualization.planes import in_volume, mark, through

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_Array = NDArray[np.float64]

#: Maximum number of pixels in the row that is shown with intervals.
_IN_A_ROW = 48

#: Half width of a 95 % interval, in standard errors.
_REACH = 1.96


def result_figure(
    measured: _Array,
    stderr: _Array,
    *,
    image: _Array | None = None,
    exact: _Array | None = None,
    bias: _Array | None = None,
    propagator: Propagator | None = None,
    scale: GreyScale | None = None,
    image_scale: GreyScale | None = None,
    title: str = "",
    channels: bool = False,
    point: tuple[int, ...] | None = None,
    places: Sequence[Axes] | None = None,
) -> Figure:
    """Draw a result, its standard error, and all other given arrays.

    With ``exact``, the figure also shows the error, and part of a row with its 95 % intervals. A
    histogram compares the errors, in standard errors, with a standard normal distribution.

    Args:
        measured: Measured convolution, shape ``(W,)``, ``(H, W)`` or ``(D, H, W)``; with
            ``channels``, followed by their number, 3 for pictures and volumes.
        stderr: Standard error of ``measured``, same shape.
        image: Input with the same number of axes; None to omit it.
        exact: Exact convolution, shape of ``measured``; None to omit it.
        bias: Systematic error due to noise, same shape; None to omit it.
        propagator: Propagator that the circuit encodes; None to omit it.
        scale: Values that are shown black and white; None for the range of the values.
        image_scale: Values of ``image`` that are shown black and white; None for 0 and 255, or for
            its range if larger.
        title: Title of the figure.
        channels: Whether the last axis has the channels, such as red, green and blue.
        point: Point of a volume through which planes are drawn; None for the centre.
        places: Axes to draw in, one per array; a single one shows ``measured`` alone. None for a
            new figure.

    Returns:
        A figure ready for ``savefig``.

    Raises:
        ValueError: If there are more or fewer axes than arrays.
    """
    scale = GreyScale.between(measured if exact is None else exact) if scale is None else scale
    noisy = bool(np.any(stderr > 0))
    name = "measured by the circuit" if noisy else "expectation of the circuit"
    kind = _Kind.of(measured, channels=channels, point=point)
    drawn: list[tuple[Any, ...]] = []
    if image is not None:
        own = kind.beside(image)
        shown = GreyScale.of_input(image) if image_scale is None else image_scale
        drawn.append((_show_picture, own, image, shown, "input"))
    if exact is not None:
        drawn.append((_show_picture, kind, exact, scale, "exact convolution"))
    drawn.append((_show_picture, kind, measured, scale, name))
    if exact is not None:
        drawn.append((_show_difference, kind, measured - exact, "measured minus exact"))
    if bias is not None:
        drawn.append((_show_difference, kind, bias, "systematic error due to noise"))
    if propagator is not None:
        drawn.append((show_propagator, propagator))
    drawn.append((_show_stderr, kind, stderr))
    if exact is not None:
        drawn.append((_show_row, kind, measured, exact, stderr))
        drawn.append((_show_errors, measured - exact, stderr))
    if places is not None and len(places) == 1 < len(drawn):
        drawn = [(_show_picture, kind, measured, scale, name)]
    if places is not None and len(places) != len(drawn):
        raise ValueError(
            f"ax: expected axes for 1 or {len(drawn)} pictures, got {len(places)} of them"
        )
    places = _new_places(len(drawn)) if places is None else places
    figure: Figure = places[0].figure.figure  # also of a subfigure
    heading = "\n".join(filter(None, [title, kind.where]))
    if heading:
        figure.suptitle(heading)
    for axes, (draw, *arguments) in zip(places, drawn, strict=True):
        draw(axes, *arguments)
    return figure


def _new_places(count: int) -> list[Axes]:
    """Return axes of a new figure, in one or two rows."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    columns = count if count <= 4 else -(-count // 2)
    rows = -(-count // columns)
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08)
    figure = Figure(figsize=(4.3 * columns, 4.2 * rows), layout=layout)
    places: list[Axes] = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for axes in places[count:]:
        axes.set_axis_off()
    return places[:count]


@dataclass(frozen=True)
class _Kind:
    """Kind of arrays that are drawn: lines, pictures, or volumes."""

    shape: tuple[int, ...]
    """Shape of the arrays, without channels."""
    channels: bool
    """Whether the last axis has the channels."""
    point: tuple[int, ...] = ()
    """Point in which the drawn planes of a volume meet; empty for lines and pictures."""

    @classmethod
    def of(cls, array: _Array, *, channels: bool, point: tuple[int, ...] | None = None) -> _Kind:
        """Return the kind of an array; without a point, planes meet in the centre."""
        shape = array.shape[:-1] if channels else array.shape
        if len(shape) < 3:
            return cls(shape, channels)
        return cls(shape, channels, tuple(n // 2 for n in shape) if point is None else point)

    def beside(self, other: _Array) -> _Kind:
        """Return the kind of an array of a different shape with the same centre."""
        shape = other.shape[:-1] if self.channels else other.shape
        point = tuple(in_volume(self.point, self.shape, shape)) if self.point else ()
        return _Kind(shape, self.channels, point)

    @property
    def where(self) -> str:
        """Position of the planes of a volume; otherwise empty."""
        if not self.point:
            return ""
        plane, row, column = self.point
        return f"planes through plane {plane}, row {row}, column {column}"

    @property
    def lines(self) -> bool:
        """Whether arrays are drawn as lines."""
        return len(self.shape) == 1

    def mean(self, array: _Array) -> _Array:
        """Return the mean over the channels."""
        return np.asarray(array.mean(axis=-1)) if self.channels else array

    def error_of_mean(self, stderr: _Array) -> _Array:
        """Return the standard error of the mean over the channels."""
        if not self.channels:
            return stderr
        return np.asarray(np.sqrt((stderr**2).mean(axis=-1) / stderr.shape[-1]))

    def flat(self, array: _Array) -> _Array:
        """Return the planes of a volume as a picture; other arrays unchanged."""
        return through(array, self.point) if self.point else array


def _show_map(
    axes: Axes, kind: _Kind, title: str, numbers: _Array, extend: str = "", **how: Any
) -> None:
    """Draw an array as a line or a picture; ``extend`` sets the ends of a colour bar."""
    axes.set_title(title)
    if kind.lines:
        axes.plot(numbers, lw=0.8)
        return
    shown = kind.flat(numbers)
    if shown.ndim == 3:  # colours; between planes, the picture is transparent
        opaque = np.isfinite(shown).all(axis=2, keepdims=True)
        shown = np.concatenate([np.nan_to_num(shown), opaque], axis=2) if kind.point else shown
    drawn = axes.imshow(shown, interpolation="nearest", **how)
    if extend:
        axes.figure.colorbar(drawn, ax=axes, shrink=0.8, extend=extend)
    axes.set_xticks([])
    axes.set_yticks([])
    if kind.point:
        mark(axes, kind.shape, kind.point)


def _show_picture(axes: Axes, kind: _Kind, image: _Array, scale: GreyScale, title: str) -> None:
    shown = image if kind.lines else scale.apply(image)
    _show_map(axes, kind, title, shown, cmap="gray", vmin=0, vmax=1)
    if not kind.lines and scale.black < 0:
        axes.set_xlabel(f"black {scale.black:.3g}, grey 0, white {scale.white:.3g}")


def _show_difference(axes: Axes, kind: _Kind, error: _Array, title: str) -> None:
    shown = error if kind.lines else kind.mean(error)
    reach = float(np.quantile(np.abs(shown), 0.999)) or float(np.abs(shown).max()) or 1.0
    _show_map(axes, kind, title, shown, "both", cmap="RdBu_r", vmin=-reach, vmax=reach)


def show_propagator(axes: Axes, propagator: Propagator) -> None:
    """Draw a propagator as a grid, shaded by probability, with the signs of its weights.

    Args:
        axes: Axes to draw in.
        propagator: Propagator; axes of length 1 beyond two are omitted, and of three longer axes
            the plane with the largest probability is drawn.
    """
    p, weights, plane = _plane_of(propagator)
    signs = np.sign(weights)
    reached = signs[p > 0]
    ends = reached.min(), reached.max()
    sign = {(1, 1): "", (-1, -1): "\N{MINUS SIGN}"}.get(ends, "\N{PLUS-MINUS SIGN}")
    size = np.abs(propagator.weights[propagator.probabilities > 0]).max()
    drawn = axes.imshow(p, cmap="viridis", vmin=0)
    axes.figure.colorbar(drawn, ax=axes, shrink=0.8, label="probability")
    axes.set_xticks(range(p.shape[1]) if p.shape[1] <= 15 else [])
    axes.set_yticks(range(p.shape[0]) if p.shape[0] <= 15 else [])
    axes.set_xlabel(f"kernel column{plane}")
    axes.set_ylabel("kernel row")
    axes.set_title(f"propagator in the circuit (weights {sign}{size:.4g})")
    if max(p.shape) > 5:
        return
    for (row, column), value in np.ndenumerate(p):
        sign = "\N{MINUS SIGN}" if signs[row, column] < 0 else "+"
        text = f"{value:.4g}\n({sign})" if value > 0 else "0"
        colour = "black" if value > 0.6 * p.max() else "white"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)


def _plane_of(propagator: Propagator) -> tuple[_Array, _Array, str]:
    """Return probabilities and weights with two axes, and the name of the plane, if any."""
    p, weights = propagator.probabilities, propagator.weights
    spare = [axis for axis in range(p.ndim) if p.shape[axis] == 1][::-1][: max(0, p.ndim - 2)]
    p, weights = (np.atleast_2d(part.squeeze(tuple(spare))) for part in (p, weights))
    if p.ndim == 2:
        return p, weights, ""
    first = np.unravel_index(p.argmax(), p.shape)[:-2]
    return p[first], weights[first], f", in plane {', '.join(map(str, first))}"


def _show_stderr(axes: Axes, kind: _Kind, stderr: _Array) -> None:
    shown = stderr if kind.lines or not kind.channels else np.sqrt((stderr**2).mean(axis=-1))
    top = float(np.nanquantile(shown, 0.999)) if np.isfinite(shown).any() else 0.0
    _show_map(axes, kind, "standard error", shown, "max", cmap="magma", vmin=0, vmax=top or 1.0)


def _show_row(axes: Axes, kind: _Kind, measured: _Array, exact: _Array, stderr: _Array) -> None:
    """Draw the part of a row with the largest changes, with 95 % intervals."""
    axes.set_title("part of a row with 95 % intervals")
    parts = (kind.mean(measured), kind.mean(exact), kind.error_of_mean(stderr))
    plane = kind.point[:1]  # of a volume
    *lines, deviation = (np.atleast_2d(part[plane]) for part in parts)
    change = np.abs(np.diff(lines[1], axis=1))
    row = int(change.sum(axis=1).argmax())
    upto = np.concatenate([[0.0], np.cumsum(change[row])])
    width = min(_IN_A_ROW, lines[1].shape[1])
    start = int(np.argmax(upto[width - 1 :] - upto[: len(upto) - width + 1]))
    columns = np.arange(start, start + width)
    estimate, truth = (line[row, columns] for line in lines)
    reach = _REACH * deviation[row, columns]
    axes.plot(columns, truth, color="0.2", lw=1, zorder=3, label="exact")
    axes.errorbar(columns, estimate, reach, fmt=".", ms=4, lw=1, color="C0", label="measured")
    where = f" of plane {kind.point[0]}" if kind.point else ""
    where += "; mean of the channels" if kind.channels else ""
    axes.set_xlabel("column" if kind.lines else f"column, in row {row}{where}")
    axes.legend(frameon=False, fontsize=8)


def _show_errors(axes: Axes, error: _Array, stderr: _Array) -> None:
    known = stderr > 0
    axes.set_title("error / standard error")
    if not known.any():
        axes.text(0.5, 0.5, "exact result, no error", ha="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    scores = error[known] / stderr[known]
    grid = np.linspace(-5, 5, 201)
    axes.hist(scores, bins=51, range=(-5, 5), density=True, color="0.7", label="all pixels")
    normal = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi)
    axes.plot(grid, normal, color="C3", label="standard normal")
    axes.set_xlim(-5, 5)
    axes.set_ylim(0, 0.55)
    axes.set_yticks([])
    axes.legend(frameon=False)


def save_figure(figure: Figure, path: Any) -> None:
    """Write a figure to a file; the ending determines the format."""
    figure.savefig(path, dpi=110)
