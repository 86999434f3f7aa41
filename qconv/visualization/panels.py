"""Panels of figures: lines, pictures and volumes, standard errors, and distributions of errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qconv._checks import Numbers
from qconv.propagator import Propagator
from qconv.visualization.phases import QUARTERS, in_colour, known_phase, show_wheel
from qconv.visualization.pictures import GreyScale
from qconv.visualization.planes import in_volume, mark, through

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Array = NDArray[np.float64]

#: Maximum number of pixels in the row that is shown with intervals.
_IN_A_ROW = 48

#: Half width of a 95 % interval, in standard errors.
_REACH = 1.96


@dataclass(frozen=True)
class Kind:
    """Kind of arrays that are drawn: lines, pictures, or volumes."""

    shape: tuple[int, ...]
    """Shape of the arrays, without channels."""
    channels: bool
    """Whether the last axis has the channels."""
    point: tuple[int, ...] = ()
    """Point in which the drawn planes of a volume meet; empty for lines and pictures."""

    @classmethod
    def of(cls, array: Numbers, *, channels: bool, point: tuple[int, ...] | None = None) -> Kind:
        """Return the kind of an array; without a point, planes meet in the centre."""
        shape = array.shape[:-1] if channels else array.shape
        if len(shape) < 3:
            return cls(shape, channels)
        return cls(shape, channels, tuple(n // 2 for n in shape) if point is None else point)

    def beside(self, other: Numbers) -> Kind:
        """Return the kind of an array of a different shape with the same centre."""
        shape = other.shape[:-1] if self.channels else other.shape
        point = tuple(in_volume(self.point, self.shape, shape)) if self.point else ()
        return Kind(shape, self.channels, point)

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
    axes: Axes, kind: Kind, title: str, numbers: _Array, extend: str = "", **how: Any
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


def show_picture(axes: Axes, kind: Kind, image: _Array, scale: GreyScale, title: str) -> None:
    """Draw real numbers as lines, grey levels or colours."""
    shown = image if kind.lines else scale.apply(image)
    _show_map(axes, kind, title, shown, cmap="gray", vmin=0, vmax=1)
    if not kind.lines and scale.black < 0:
        axes.set_xlabel(f"black {scale.black:.3g}, grey 0, white {scale.white:.3g}")


def show_phase(
    axes: Axes, kind: Kind, numbers: Numbers, stderr: Numbers | None, title: str
) -> None:
    """Draw the phases of complex numbers, beside a colour wheel.

    Args:
        axes: Axes to draw in.
        kind: Kind of the array.
        numbers: Complex numbers. Colour pictures are shown by the phases of the sum of their
            channels.
        stderr: Standard errors; None for exact numbers.
        title: Title of the panel.
    """
    if kind.channels and not kind.lines:
        numbers, title = numbers.sum(axis=-1), f"{title} of the sum of channels"
        if stderr is not None:
            root = np.sqrt((stderr.real**2).sum(axis=-1)), np.sqrt((stderr.imag**2).sum(axis=-1))
            stderr = root[0] + 1j * root[1]
    phases = known_phase(numbers, stderr)
    if kind.lines:
        axes.set_title(title)
        axes.plot(phases, ".", ms=3)
        axes.set_ylim(-np.pi, np.pi)
        axes.set_yticks((-np.pi, 0, np.pi), QUARTERS[::2])
        return
    shown = kind.flat(in_colour(phases))
    _show_map(axes, replace(kind, point=()), title, np.nan_to_num(shown))
    if kind.point:
        mark(axes, kind.shape, kind.point)
    show_wheel(axes)


def show_difference(axes: Axes, kind: Kind, error: _Array, title: str) -> None:
    """Draw errors, averaged over the channels of colour pictures."""
    shown = error if kind.lines else kind.mean(error)
    reach = float(np.quantile(np.abs(shown), 0.999)) or float(np.abs(shown).max()) or 1.0
    _show_map(axes, kind, title, shown, "both", cmap="RdBu_r", vmin=-reach, vmax=reach)


def show_propagator(axes: Axes, propagator: Propagator) -> None:
    """Draw a propagator as a grid, shaded by probability, with the signs of its weights.

    Args:
        axes: Axes to draw in.
        propagator: Propagator. If it has more than two axes, axes of length 1 are omitted. If more
            than two axes remain, the plane with the most probable position is drawn.
    """
    p, weights, plane = _plane_of(propagator)
    size = np.abs(propagator.weights[propagator.probabilities > 0]).max()
    drawn = axes.imshow(p, cmap="viridis", vmin=0)
    axes.figure.colorbar(drawn, ax=axes, shrink=0.8, label="probability")
    axes.set_xticks(range(p.shape[1]) if p.shape[1] <= 15 else [])
    axes.set_yticks(range(p.shape[0]) if p.shape[0] <= 15 else [])
    axes.set_xlabel(f"kernel column{plane}")
    axes.set_ylabel("kernel row")
    axes.set_title(f"propagator in the circuit ({_signs(weights[p > 0])}{size:.4g})")
    if max(p.shape) > 5:
        return
    for (row, column), value in np.ndenumerate(p):
        text = f"{value:.4g}\n({_sign(weights[row, column])})" if value > 0 else "0"
        colour = "black" if value > 0.6 * p.max() else "white"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)


def _signs(weights: Numbers) -> str:
    """Return text that precedes the size of the weights, with their common sign or both signs."""
    if weights.dtype.kind == "c":
        return "|weights| "
    reached = np.sign(weights)
    ends = reached.min(), reached.max()
    sign = {(1, 1): "", (-1, -1): "\N{MINUS SIGN}"}.get(ends, "\N{PLUS-MINUS SIGN}")
    return f"weights {sign}"


def _sign(weight: Any) -> str:
    """Return the sign of a weight, or the phase of a complex weight in degrees."""
    if np.iscomplexobj(weight):
        degrees = round(float(np.angle(weight, deg=True)), 1)
        return f"{degrees + 0.0:g}\N{DEGREE SIGN}".replace("-", "\N{MINUS SIGN}")
    return "\N{MINUS SIGN}" if weight < 0 else "+"


def _plane_of(propagator: Propagator) -> tuple[_Array, Numbers, str]:
    """Return probabilities and weights with two axes, and the name of the plane, if any."""
    p, weights = propagator.probabilities, propagator.weights
    spare = [axis for axis in range(p.ndim) if p.shape[axis] == 1][::-1][: max(0, p.ndim - 2)]
    p, weights = (np.atleast_2d(part.squeeze(tuple(spare))) for part in (p, weights))
    if p.ndim == 2:
        return p, weights, ""
    first = np.unravel_index(p.argmax(), p.shape)[:-2]
    return p[first], weights[first], f", in plane {', '.join(map(str, first))}"


def show_stderr(axes: Axes, kind: Kind, stderr: _Array, title: str) -> None:
    """Draw standard errors: for colour pictures, their root mean square over the channels."""
    shown = stderr if kind.lines or not kind.channels else np.sqrt((stderr**2).mean(axis=-1))
    top = float(np.nanquantile(shown, 0.999)) if np.isfinite(shown).any() else 0.0
    _show_map(axes, kind, title, shown, "max", cmap="magma", vmin=0, vmax=top or 1.0)


def show_row(
    axes: Axes, kind: Kind, measured: _Array, exact: _Array, stderr: _Array, title: str
) -> None:
    """Draw the part of a row with the largest changes, with 95 % intervals."""
    axes.set_title(title)
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
    bottom, top = axes.get_ylim()
    axes.set_ylim(bottom, top + 0.15 * (top - bottom))  # room for the legend
    axes.legend(frameon=False, fontsize=9, loc="upper center", ncols=2)


def show_errors(axes: Axes, error: _Array, stderr: _Array) -> None:
    """Draw the distribution of errors in standard errors beside the normal distribution."""
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
    axes.legend(frameon=False, fontsize=9, loc="upper center", ncols=2)
