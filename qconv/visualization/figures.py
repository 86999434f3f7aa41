"""Figures of results. Requires matplotlib, from the extra ``images``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from qconv._checks import Numbers, parts_of_numbers
from qconv.propagator import Propagator
from qconv.visualization.panels import (
    Kind,
    show_difference,
    show_errors,
    show_phase,
    show_picture,
    show_propagator,
    show_row,
    show_stderr,
)
from qconv.visualization.pictures import GreyScale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: A panel: the function that draws it, and the function's arguments after the axes.
_Panel = tuple[Any, ...]

#: Maximum number of columns of a figure of complex numbers.
_COLUMNS = 4


def result_figure(
    measured: Numbers,
    stderr: Numbers,
    *,
    image: Numbers | None = None,
    exact: Numbers | None = None,
    bias: Numbers | None = None,
    loading_bias: Numbers | None = None,
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

    Complex numbers have a panel each for magnitude, phase, real and imaginary part. Phases are grey
    where the magnitude is below its standard error.

    Args:
        measured: Measured convolution, shape ``(W,)``, ``(H, W)`` or ``(D, H, W)``; with
            ``channels``, followed by their number, 3 for pictures and volumes.
        stderr: Standard error of ``measured``, same shape.
        image: Input with the same number of axes; None to omit it.
        exact: Exact convolution, shape of ``measured``; None to omit it.
        bias: Systematic error due to noise, same shape; None to omit it.
        loading_bias: Systematic error due to approximate loading, same shape; None to omit it.
        propagator: Propagator that the circuit encodes; None to omit it.
        scale: Values that are shown as black and as white; None for the range of the values.
        image_scale: Values of ``image`` that are shown as black and as white; None for 0 and 255,
            or for its range if that is larger.
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
    best = measured if exact is None else exact
    if scale is None:
        whole = best.dtype.kind != "c"
        scale = GreyScale.between(best) if whole else GreyScale.of_magnitudes(np.abs(best))
    noisy = bool(np.any(stderr != 0))
    name = "measured by the circuit" if noisy else "expectation of the circuit"
    kind = Kind.of(measured, channels=channels, point=point)
    values = _values(kind, measured, scale, name, stderr if noisy else None)
    drawn: list[_Panel] = []
    if image is not None:
        shown = GreyScale.of_input(image) if image_scale is None else image_scale
        drawn += _values(kind.beside(image), image, shown, "input")
    if exact is not None:
        drawn += _values(kind, exact, scale, "exact convolution")
    biases = {"noise": bias, "loading": loading_bias}
    drawn += [*values, *_parts(kind, measured, stderr, exact, biases, propagator)]
    if places is not None and len(places) == 1 < len(drawn):
        drawn = values[:1]
    if places is not None and len(places) != len(drawn):
        raise ValueError(
            f"ax: expected axes for 1 or {len(drawn)} pictures, got {len(places)} of them"
        )
    places = _new_places(len(drawn)) if places is None else places
    figure: Figure = places[0].figure.figure  # the root figure, also of a subfigure
    heading = "\n".join(filter(None, [title, kind.where]))
    if heading:
        figure.suptitle(heading)
    for axes, (draw, *arguments) in zip(places, drawn, strict=True):
        draw(axes, *arguments)
    return figure


def _values(
    kind: Kind, numbers: Numbers, scale: GreyScale, name: str, stderr: Numbers | None = None
) -> list[_Panel]:
    """Return panels of numbers: one for real numbers, magnitude and phase for complex numbers."""
    if numbers.dtype.kind != "c":
        return [(show_picture, kind, numbers, scale, name)]
    sizes = np.abs(numbers)
    return [
        (show_picture, kind, sizes, scale, f"{name}: magnitude"),
        (show_phase, kind, numbers, stderr, f"{name}: phase"),
    ]


def _parts(
    kind: Kind,
    measured: Numbers,
    stderr: Numbers,
    exact: Numbers | None,
    biases: Mapping[str, Numbers | None],
    propagator: Propagator | None,
) -> list[_Panel]:
    """Return panels of errors; complex numbers have separate panels for their parts."""
    parts: list[tuple[str, Callable[[Any], Any]]] = [("", np.asarray)]
    drawn: list[_Panel] = []
    if measured.dtype.kind == "c":
        parts = [("real part", np.real), ("imaginary part", np.imag)]
        scale = GreyScale.around_zero(parts_of_numbers(measured if exact is None else exact))
        drawn += [(show_picture, kind, part(measured), scale, name) for name, part in parts]
    if exact is not None:
        for name, part in parts:
            error = part(measured) - part(exact)
            drawn.append((show_difference, kind, error, _title("measured minus exact", name)))
    for cause, bias in biases.items():
        for name, part in parts if bias is not None else ():
            title = _title(f"systematic error due to {cause}", name)
            drawn.append((show_difference, kind, part(bias), title))
    if propagator is not None:
        drawn.append((show_propagator, propagator))
    for name, part in parts:
        drawn.append((show_stderr, kind, part(stderr), _title("standard error", name)))
    if exact is None:
        return drawn
    for name, part in parts:
        title = f"{name or 'part'} of a row with 95 % intervals"
        drawn.append((show_row, kind, part(measured), part(exact), part(stderr), title))
    errors = parts_of_numbers(measured) - parts_of_numbers(exact)
    drawn.append((show_errors, errors, parts_of_numbers(stderr)))
    return drawn


def _title(text: str, part: str) -> str:
    """Return a title with the name of a part, if any."""
    return f"{text}: {part}" if part else text


def _new_places(count: int) -> list[Axes]:
    """Return axes of a new figure, in one or two rows."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    columns = count if count <= 4 else max(_COLUMNS, -(-count // max(2, -(-count // 5))))
    rows = -(-count // columns)
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08)
    figure = Figure(figsize=(4.3 * columns, 4.2 * rows), layout=layout)
    places: list[Axes] = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for axes in places[count:]:
        axes.set_axis_off()
    return places[:count]


def save_figure(figure: Figure, path: Any) -> None:
    """Write a figure to a file; the ending determines the format."""
    figure.savefig(path, dpi=110)
