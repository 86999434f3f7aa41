"""Figures: what people look at. Needs matplotlib, from the extra ``images``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qconv.matching.template import Match
from qconv.propagator import Propagator
from qconv.visualization.pictures import GreyScale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_Array = NDArray[np.float64]

#: How many places on each side are shown around one.
_AROUND = 12

#: Most bars of a histogram of shots.
_BARS = 80


def comparison_figure(
    image: _Array,
    exact: _Array,
    measured: _Array,
    stderr: _Array,
    propagator: Propagator,
    scale: GreyScale,
    *,
    title: str = "",
) -> Figure:
    """Input, exact, measured, standard error, propagator, and errors against the normal law.

    Args:
        image: The input, ``(H, W)`` or ``(H, W, 3)``, grey levels from 0 to 255.
        exact: Exact convolution, same number of axes.
        measured: What the circuits measured, shape of ``exact``.
        stderr: Its standard error, shape of ``exact``.
        propagator: What the circuit encodes.
        scale: Which numbers of ``exact`` and ``measured`` are shown black and white.
        title: A line above everything.

    Returns:
        A figure of two rows by three, ready for ``savefig``.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 8.6), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(2, 3)
    _show_picture(axes[0, 0], image, GreyScale(min(0.0, image.min()), max(255.0, image.max())))
    axes[0, 0].set_title("input")
    _show_picture(axes[0, 1], exact, scale)
    axes[0, 1].set_title("exact convolution")
    _show_picture(axes[0, 2], measured, scale)
    expected = not np.any(stderr > 0) and "the circuit's expectation"
    axes[0, 2].set_title(expected or "measured by the circuit")
    show_propagator(axes[1, 0], propagator)
    _show_stderr(axes[1, 1], stderr)
    _show_errors(axes[1, 2], measured - exact, stderr)
    return figure


def _show_picture(axes: Axes, image: _Array, scale: GreyScale) -> None:
    axes.imshow(scale.apply(image), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    if scale.black < 0:
        axes.set_xlabel(f"black {scale.black:.3g}, grey 0, white {scale.white:.3g}")


def show_propagator(axes: Axes, propagator: Propagator) -> None:
    """Draw a propagator as a grid: shade is probability, the sign of its weight is written.

    Args:
        axes: Where to draw.
        propagator: One with one or two axes.
    """
    p = np.atleast_2d(propagator.probabilities)
    signs = np.sign(np.atleast_2d(propagator.weights))
    drawn = axes.imshow(p, cmap="viridis", vmin=0)
    axes.figure.colorbar(drawn, ax=axes, shrink=0.8, label="probability")
    axes.set_xticks(range(p.shape[1]) if p.shape[1] <= 15 else [])
    axes.set_yticks(range(p.shape[0]) if p.shape[0] <= 15 else [])
    axes.set_xlabel("kernel_column")
    axes.set_ylabel("kernel_row")
    weight = np.abs(propagator.weights).max()
    axes.set_title(f"propagator in the circuit (weights \N{PLUS-MINUS SIGN}{weight:.4g})")
    if max(p.shape) > 5:
        return
    for (row, column), value in np.ndenumerate(p):
        sign = "\N{MINUS SIGN}" if signs[row, column] < 0 else "+"
        text = f"{value:.4g}\n({sign})" if value > 0 else "0"
        colour = "black" if value > 0.6 * p.max() else "white"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)


def _show_stderr(axes: Axes, stderr: _Array) -> None:
    shown = stderr if stderr.ndim == 2 else np.sqrt((stderr**2).mean(axis=2))
    top = float(np.nanquantile(shown, 0.999)) if np.isfinite(shown).any() else 0.0
    drawn = axes.imshow(shown, cmap="magma", vmin=0, vmax=top or 1.0, interpolation="nearest")
    axes.figure.colorbar(drawn, ax=axes, shrink=0.8, extend="max", label="grey levels")
    axes.set_title("standard error")
    axes.set_xticks([])
    axes.set_yticks([])


def _show_errors(axes: Axes, error: _Array, stderr: _Array) -> None:
    known = stderr > 0
    axes.set_title("error / standard error")
    if not known.any():
        axes.text(0.5, 0.5, "exact: no error to show", ha="center", transform=axes.transAxes)
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


def match_figure(
    marked: NDArray[np.uint8],
    template: _Array,
    match: Match,
    exact: _Array,
    *,
    title: str = "",
) -> Figure:
    """Where a template was found: picture, template, and the map that was sampled.

    Args:
        marked: The picture with a box around the place, ``(H, W, 3)``.
        template: Grey levels, ``(h, w)``.
        match: Of the template in the picture.
        exact: Magnitude of the exact map, shape of ``match.map``.
        title: A line above everything.

    Returns:
        A figure of two rows by three, ready for ``savefig``.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 8.2), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(2, 3)
    axes[0, 0].imshow(marked, interpolation="nearest")
    row, column = match.position
    axes[0, 0].set_title(f"row {row}, column {column}: similarity {match.similarity:.3f}")
    axes[0, 1].imshow(template, cmap="gray", interpolation="nearest")
    axes[0, 1].set_title("template")
    for plain in axes[0, :2]:
        plain.set_xticks([])
        plain.set_yticks([])
    name, wanted, sampled = "map", "exact map", match.map
    counted = match.counts is not None and match.count_unit is not None
    if match.counts is not None and match.count_unit is not None:
        name, wanted = "shots at each place", "shots expected"
        sampled = match.counts.astype(np.float64)
        lit = match.count_unit > 0
        exact = np.square(np.divide(exact, match.count_unit, np.zeros_like(exact), where=lit))
    _show_places(axes[0, 2], sampled, match.position, name, ring=True)
    around = tuple(
        slice(max(0, index - _AROUND), min(length, index + _AROUND + 1))
        for index, length in zip(match.position, exact.shape, strict=True)
    )
    _show_places(axes[1, 0], sampled, match.position, f"{name}, around the place", part=around)
    _show_places(axes[1, 1], exact, match.position, f"{wanted}, around the place", part=around)
    _show_leading(axes[1, 2], sampled, match, counted=counted)
    return figure


def _show_places(
    axes: Axes,
    numbers: _Array,
    position: tuple[int, ...],
    title: str,
    *,
    part: tuple[slice, ...] | None = None,
    ring: bool = False,
) -> None:
    """Draw a map, or a part of it; indices on the axes are places."""
    rows, columns = part or tuple(slice(0, length) for length in numbers.shape)
    extent = (columns.start - 0.5, columns.stop - 0.5, rows.stop - 0.5, rows.start - 0.5)
    top = float(numbers[rows, columns].max()) or 1.0
    drawn = axes.imshow(
        numbers[rows, columns],
        cmap="inferno",
        vmin=0,
        vmax=top if part else float(np.quantile(numbers, 0.9995)) or top,
        extent=extent,
        interpolation="nearest",
    )
    axes.figure.colorbar(drawn, ax=axes, shrink=0.8, extend="neither" if part else "max")
    if ring:
        axes.plot(position[1], position[0], "o", ms=22, mfc="none", mec="cyan", mew=1.5)
    axes.set_xlabel("column")
    axes.set_ylabel("row")
    axes.set_title(title)


def _show_leading(axes: Axes, numbers: _Array, match: Match, *, counted: bool) -> None:
    """How many places are as bright as that: the leading one stands apart, or does not."""
    leading = float(numbers[match.position])
    wide = not counted or numbers.max() > _BARS
    bins = _BARS if wide else (np.arange(np.rint(numbers.max()) + 2) - 0.5).tolist()
    axes.hist(numbers.ravel(), bins=bins, color="0.6", log=True)
    axes.axvline(leading, color="C3", label=f"the place: {leading:.4g}")
    axes.set_xlabel("shots at a place" if counted else "map at a place")
    axes.set_ylabel("places")
    axes.set_title(f"{match.percent} sure to be the most similar")
    axes.legend(frameon=False)


def save_figure(figure: Figure, path: Any) -> None:
    """Write a figure to a file, its kind from the ending."""
    figure.savefig(path, dpi=110)
