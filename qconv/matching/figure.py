"""The figure of a match. Requires matplotlib, from the extra ``images``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qconv.matching.template import Match

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_Array = NDArray[np.float64]

#: Number of positions shown on each side of the match.
_AROUND = 12

#: Maximum number of bars in the histogram.
_BARS = 80


def match_figure(
    marked: NDArray[np.uint8],
    template: _Array,
    match: Match,
    exact: _Array,
    *,
    title: str = "",
) -> Figure:
    """Draw the picture with the match, the template, and the sampled map.

    ``marked`` is the picture with a box around the match, shape ``(H, W, 3)``. ``exact`` is the
    magnitude of the exact map, shape of ``match.map``.
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
    name, wanted, sampled, exact = _maps(match, exact)
    _show_places(axes[0, 2], sampled, match.position, name, ring=True)
    around = tuple(
        slice(max(0, index - _AROUND), min(length, index + _AROUND + 1))
        for index, length in zip(match.position, exact.shape, strict=True)
    )
    _show_places(axes[1, 0], sampled, match.position, f"{name}, near the match", part=around)
    _show_places(axes[1, 1], exact, match.position, f"{wanted}, near the match", part=around)
    _show_leading(axes[1, 2], sampled, match)
    return figure


def sound_figure(
    recording: _Array,
    sound: _Array,
    match: Match,
    exact: _Array,
    rate: float,
    *,
    title: str = "",
) -> Figure:
    """Draw the recording with the match, the sound that was found, and the sampled map.

    ``exact`` is the magnitude of the exact map, shape of ``match.map``; ``rate`` is the number of
    samples per second.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 8.2), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(2, 3)
    (first,) = match.position
    last = first + len(sound)
    _show_samples(axes[0, 0], recording, 0, rate)
    axes[0, 0].axvspan(first / rate, last / rate, color="C3", alpha=0.4)
    axes[0, 0].set_title(f"at {first / rate:.4g} s: similarity {match.similarity:.3f}")
    _show_samples(axes[0, 1], recording[first:last], first, rate, label="recording")
    _show_samples(axes[0, 1], sound, first, rate, label="template", alpha=0.7)
    axes[0, 1].set_title("recording and template, at the match")
    axes[0, 1].legend(frameon=False, loc="upper right")
    name, wanted, sampled, exact = _maps(match, exact)
    axes[0, 2].plot(np.arange(len(sampled)) / rate, sampled, lw=0.8)
    axes[0, 2].set_title(name)
    axes[0, 2].set_xlabel("time in s")
    start, stop = max(0, first - _AROUND), min(len(exact), first + _AROUND + 1)
    for shown, numbers, what in ((axes[1, 0], sampled, name), (axes[1, 1], exact, wanted)):
        shown.bar(np.arange(start, stop), numbers[start:stop])
        shown.set_title(f"{what}, near the match")
        shown.set_xlabel("sample")
        shown.ticklabel_format(axis="x", style="plain", useOffset=False)
    _show_leading(axes[1, 2], sampled, match)
    return figure


def _show_samples(axes: Axes, samples: _Array, first: int, rate: float, **style: Any) -> None:
    """Draw samples over time; ``first`` is the number of the first one."""
    axes.plot((first + np.arange(len(samples))) / rate, samples, lw=0.6, **style)
    axes.set_xlabel("time in s")


def _maps(match: Match, exact: _Array) -> tuple[str, str, _Array, _Array]:
    """Return the names of the sampled and the exact map, and the maps, in shots if counted."""
    if match.counts is None or match.count_unit is None:
        return "map", "exact map", match.map, exact
    lit = match.count_unit > 0
    expected = np.square(np.divide(exact, match.count_unit, np.zeros_like(exact), where=lit))
    return "shots per position", "expected shots", match.counts.astype(np.float64), expected


def _show_places(
    axes: Axes,
    numbers: _Array,
    position: tuple[int, ...],
    title: str,
    *,
    part: tuple[slice, ...] | None = None,
    ring: bool = False,
) -> None:
    """Draw a map or a part of it; the axes are labelled with positions."""
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


def _show_leading(axes: Axes, numbers: _Array, match: Match) -> None:
    """Draw the histogram of a map, with the value at the match."""
    leading = float(numbers[match.position])
    counted = match.counts is not None
    wide = not counted or numbers.max() > _BARS
    bins = _BARS if wide else (np.arange(np.rint(numbers.max()) + 2) - 0.5).tolist()
    axes.hist(numbers.ravel(), bins=bins, color="0.6", log=True)
    axes.axvline(leading, color="C3", label=f"match: {leading:.4g}")
    axes.set_xlabel("shots per position" if counted else "map per position")
    axes.set_ylabel("positions")
    axes.set_title(f"certainty of the match: {match.percent}")
    axes.legend(frameon=False, loc="upper center")
