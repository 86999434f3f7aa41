"""Figures of results. Requires matplotlib, from the extra ``images``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qconv.propagator import Propagator
from qconv.visualization.pictures import GreyScale

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
    title: str = "",
) -> Figure:
    """Draw a result, its standard error, and all other given arrays.

    With ``exact``, the figure also shows the error, and part of a row with its 95 % intervals. A
    histogram compares the errors, in standard errors, with a standard normal distribution.

    Args:
        measured: Measured convolution, shape ``(W,)``, ``(H, W)`` or, in colour, ``(H, W, 3)``.
        stderr: Standard error of ``measured``, same shape.
        image: Input with the same number of axes; None to omit it.
        exact: Exact convolution, shape of ``measured``; None to omit it.
        bias: Systematic error due to noise, same shape; None to omit it.
        propagator: Propagator that the circuit encodes; None to omit it.
        scale: Values that are shown black and white; None for the range of the values.
        title: Title of the figure.

    Returns:
        A figure ready for ``savefig``.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    scale = GreyScale.between(measured if exact is None else exact) if scale is None else scale
    noisy = bool(np.any(stderr > 0))
    name = "measured by the circuit" if noisy else "expectation of the circuit"
    drawn: list[tuple[Any, ...]] = []
    if image is not None:
        drawn.append((_show_picture, image, GreyScale.of_input(image), "input"))
    if exact is not None:
        drawn.append((_show_picture, exact, scale, "exact convolution"))
    drawn.append((_show_picture, measured, scale, name))
    if exact is not None:
        drawn.append((_show_difference, measured - exact, "measured minus exact"))
    if bias is not None:
        drawn.append((_show_difference, bias, "systematic error due to noise"))
    if propagator is not None:
        drawn.append((show_propagator, propagator))
    drawn.append((_show_stderr, stderr))
    if exact is not None:
        drawn.append((_show_row, measured, exact, stderr))
        drawn.append((_show_errors, measured - exact, stderr))
    columns = len(drawn) if len(drawn) <= 4 else -(-len(drawn) // 2)
    rows = -(-len(drawn) // columns)
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08)
    figure = Figure(figsize=(4.3 * columns, 4.2 * rows), layout=layout)
    figure.suptitle(title)
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (draw, *arguments) in zip(places, drawn, strict=False):
        draw(axes, *arguments)
    for axes in places[len(drawn) :]:
        axes.set_axis_off()
    return figure


def _show_map(axes: Axes, title: str, numbers: _Array, extend: str = "", **how: Any) -> None:
    """Draw an array as a line or a picture; ``extend`` sets the ends of a colour bar."""
    axes.set_title(title)
    if numbers.ndim == 1:
        axes.plot(numbers, lw=0.8)
        return
    drawn = axes.imshow(numbers, interpolation="nearest", **how)
    if extend:
        axes.figure.colorbar(drawn, ax=axes, shrink=0.8, extend=extend)
    axes.set_xticks([])
    axes.set_yticks([])


def _show_picture(axes: Axes, image: _Array, scale: GreyScale, title: str) -> None:
    shown = image if image.ndim == 1 else scale.apply(image)
    _show_map(axes, title, shown, cmap="gray", vmin=0, vmax=1)
    if image.ndim > 1 and scale.black < 0:
        axes.set_xlabel(f"black {scale.black:.3g}, grey 0, white {scale.white:.3g}")


def _show_difference(axes: Axes, error: _Array, title: str) -> None:
    shown = _one_channel(error)
    reach = float(np.quantile(np.abs(shown), 0.999)) or float(np.abs(shown).max()) or 1.0
    _show_map(axes, title, shown, "both", cmap="RdBu_r", vmin=-reach, vmax=reach)


def _one_channel(picture: _Array) -> _Array:
    """Average the channels of a colour picture."""
    return np.asarray(picture.mean(axis=2)) if picture.ndim == 3 else picture


def show_propagator(axes: Axes, propagator: Propagator) -> None:
    """Draw a propagator as a grid, shaded by probability, with the signs of its weights.

    Args:
        axes: Axes to draw in.
        propagator: Propagator with 1 or 2 axes.
    """
    p = np.atleast_2d(propagator.probabilities)
    signs = np.sign(np.atleast_2d(propagator.weights))
    reached = signs[p > 0]
    ends = reached.min(), reached.max()
    sign = {(1, 1): "", (-1, -1): "\N{MINUS SIGN}"}.get(ends, "\N{PLUS-MINUS SIGN}")
    size = np.abs(propagator.weights[propagator.probabilities > 0]).max()
    drawn = axes.imshow(p, cmap="viridis", vmin=0)
    axes.figure.colorbar(drawn, ax=axes, shrink=0.8, label="probability")
    axes.set_xticks(range(p.shape[1]) if p.shape[1] <= 15 else [])
    axes.set_yticks(range(p.shape[0]) if p.shape[0] <= 15 else [])
    axes.set_xlabel("kernel_column")
    axes.set_ylabel("kernel_row")
    axes.set_title(f"propagator in the circuit (weights {sign}{size:.4g})")
    if max(p.shape) > 5:
        return
    for (row, column), value in np.ndenumerate(p):
        sign = "\N{MINUS SIGN}" if signs[row, column] < 0 else "+"
        text = f"{value:.4g}\n({sign})" if value > 0 else "0"
        colour = "black" if value > 0.6 * p.max() else "white"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)


def _show_stderr(axes: Axes, stderr: _Array) -> None:
    shown = stderr if stderr.ndim < 3 else np.sqrt((stderr**2).mean(axis=2))
    top = float(np.nanquantile(shown, 0.999)) if np.isfinite(shown).any() else 0.0
    _show_map(axes, "standard error", shown, "max", cmap="magma", vmin=0, vmax=top or 1.0)


def _show_row(axes: Axes, measured: _Array, exact: _Array, stderr: _Array) -> None:
    """Draw the part of a row with the largest changes, with 95 % intervals."""
    axes.set_title("part of a row with 95 % intervals")
    lines = [np.atleast_2d(_one_channel(part)) for part in (measured, exact)]
    colours = stderr.ndim == 3
    deviation = np.sqrt((stderr**2).mean(axis=2) / stderr.shape[2]) if colours else stderr
    change = np.abs(np.diff(lines[1], axis=1))
    row = int(change.sum(axis=1).argmax())
    upto = np.concatenate([[0.0], np.cumsum(change[row])])
    width = min(_IN_A_ROW, lines[1].shape[1])
    start = int(np.argmax(upto[width - 1 :] - upto[: len(upto) - width + 1]))
    columns = np.arange(start, start + width)
    estimate, truth = (line[row, columns] for line in lines)
    reach = _REACH * np.atleast_2d(deviation)[row, columns]
    axes.plot(columns, truth, color="0.2", lw=1, zorder=3, label="exact")
    axes.errorbar(columns, estimate, reach, fmt=".", ms=4, lw=1, color="C0", label="measured")
    axes.set_xlabel("column" if measured.ndim == 1 else f"column, in row {row}")
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
