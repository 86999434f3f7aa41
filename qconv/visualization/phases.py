"""Phases as colours: a cyclic colour map, and the colour wheel that explains it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from qconv._checks import Numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Array = NDArray[np.float64]

#: Cyclic colour map of matplotlib, with equal steps of lightness.
MAP = "twilight"

#: Names of the phases -pi, -pi/2, 0, pi/2 and pi.
_PI = "\N{GREEK SMALL LETTER PI}"
QUARTERS = (f"\N{MINUS SIGN}{_PI}", f"\N{MINUS SIGN}{_PI}/2", "0", f"{_PI}/2", _PI)

#: Grey level of pixels without a phase.
_UNKNOWN = 0.5


def known_phase(numbers: Numbers, stderr: Numbers | None = None) -> _Array:
    """Return phases in radians; NaN where the magnitude is 0 or below its standard error.

    Args:
        numbers: Complex or real numbers, any shape.
        stderr: Complex standard errors, same shape; None for exact numbers.
    """
    sizes = np.abs(numbers)
    least = 0.0 if stderr is None else np.nan_to_num(np.abs(stderr)) / np.sqrt(2)
    negligible = 1e-12 * sizes.max(initial=0)  # rounding errors have no phase
    return np.where(sizes > np.maximum(least, negligible), np.angle(numbers), np.nan)


def in_colour(phases: _Array) -> _Array:
    """Return phases as colours, with red, green, blue and opacity along a new last axis."""
    from matplotlib import colormaps

    colours = np.asarray(colormaps[MAP](np.nan_to_num(phases) / (2 * np.pi) + 0.5))
    colours[np.isnan(phases)] = (_UNKNOWN, _UNKNOWN, _UNKNOWN, 1)
    return colours


def wheel(side: int) -> _Array:
    """Return a colour wheel as a picture of ``side`` pixels; phases grow counter-clockwise."""
    across = np.linspace(-1, 1, side)
    x, y = np.meshgrid(across, -across)
    colours = in_colour(np.arctan2(y, x))
    radius = np.hypot(x, y)
    colours[..., 3] = (radius > 0.45) & (radius < 1)
    return colours


def show_wheel(axes: Axes) -> None:
    """Draw a colour wheel beside a picture of phases."""
    beside = axes.inset_axes((1.1, 0.36, 0.28, 0.28))
    beside.imshow(wheel(128), extent=(-1, 1, -1, 1))
    for x, y, text, across, along in (
        (1.1, 0, "0", "left", "center"),
        (0, 1.1, QUARTERS[3], "center", "bottom"),
        (-1.1, 0, QUARTERS[4], "right", "center"),
        (0, -1.1, QUARTERS[1], "center", "top"),
    ):
        beside.text(x, y, text, ha=across, va=along, fontsize=7)
    beside.set_axis_off()
