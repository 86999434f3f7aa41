"""Previews of results in notebooks: small pictures beside a table."""

from __future__ import annotations

import base64
import html
import io

import numpy as np
from numpy.typing import NDArray

from qconv._checks import Numbers
from qconv.visualization.phases import in_colour, known_phase, wheel
from qconv.visualization.pictures import GreyScale
from qconv.visualization.planes import through

#: Maximum number of pixels per axis of a preview; larger pictures are subsampled.
_MOST = 256


def preview(
    pictures: dict[str, Numbers], rows: list[tuple[str, str]], channel_axis: int | None = None
) -> str:
    """Return pictures and a table as HTML; without matplotlib, only the table.

    Args:
        pictures: Images or volumes by title; arrays of a different kind are omitted. Volumes are
            shown by three planes through the centre. Complex numbers are shown by their phase.
        rows: Rows of the table.
        channel_axis: Axis of the channels, shown in colour if there are three; None without them.
    """
    parts = [_picture(*each, channel_axis) for each in pictures.items()]
    cells = "".join(
        f"<tr><td style='text-align:left'>{html.escape(name)}</td>"
        f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
        for name, value in rows
    )
    body = "".join([*parts, f"<table>{cells}</table>"])
    style = "display:flex;flex-wrap:wrap;gap:1em;align-items:flex-start"
    return f"<div style='{style}'>{body}</div>"


def _picture(title: str, array: Numbers, channel_axis: int | None) -> str:
    """Return a picture with its title as HTML; empty without matplotlib or a picture."""
    try:
        import matplotlib  # noqa: F401  (checks that it is installed)
    except ModuleNotFoundError:
        return ""
    channels = [] if channel_axis is None else [3]
    if channel_axis is not None:
        array = np.moveaxis(array, channel_axis, -1)
    sides = array.shape[: array.ndim - len(channels)]
    if len(sides) not in (2, 3) or not array.size or list(array.shape[len(sides) :]) != channels:
        return ""
    thinned = array[tuple(slice(None, None, -(-length // _MOST)) for length in sides)]
    seen = np.nan_to_num(thinned)
    if seen.dtype.kind == "c":
        shown = in_colour(known_phase(seen.sum(axis=-1) if channels else seen))
    else:
        shown = GreyScale.between(seen).apply(seen)
    if len(sides) == 3:
        centre = tuple(n // 2 for n in thinned.shape[:3])
        shown = np.nan_to_num(through(shown, centre), nan=1.0)
    picture = _embedded(title, shown, 180)
    if seen.dtype.kind == "c":
        picture += _embedded("phases, counter-clockwise from 0 at the right", wheel(64), 64)
    return picture


def _embedded(title: str, shown: NDArray[np.float64], width: int) -> str:
    """Return grey levels or colours from 0 to 1 as a picture with its title, in HTML."""
    from matplotlib.image import imsave

    file = io.BytesIO()
    imsave(file, shown, cmap="gray", vmin=0, vmax=1, format="png")
    data = base64.b64encode(file.getvalue()).decode()
    return (
        f"<figure style='margin:0;max-width:180px'><img alt='{html.escape(title)}' "
        f"width='{width}' style='image-rendering:pixelated' "
        f"src='data:image/png;base64,{data}'/>"
        f"<figcaption>{html.escape(title)}</figcaption></figure>"
    )
