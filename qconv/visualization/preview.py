"""Previews of results in notebooks: small pictures beside a table."""

from __future__ import annotations

import base64
import html
import io

import numpy as np
from numpy.typing import NDArray

from qconv.visualization.pictures import GreyScale
from qconv.visualization.planes import through

_Array = NDArray[np.float64]

#: Maximum number of pixels per axis of a preview; larger pictures are subsampled.
_MOST = 256


def preview(
    pictures: dict[str, _Array], rows: list[tuple[str, str]], channel_axis: int | None = None
) -> str:
    """Return pictures and a table as HTML, without matplotlib the table alone.

    Args:
        pictures: Images or volumes by title; arrays of a different kind are omitted. Volumes are
            shown by three planes through the centre.
        rows: Rows of the table.
        channel_axis: Axis of the channels, shown in colour if there are three; None without them.
    """
    parts = [_picture(title, array, channel_axis) for title, array in pictures.items()]
    cells = "".join(
        f"<tr><td style='text-align:left'>{html.escape(name)}</td>"
        f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
        for name, value in rows
    )
    body = "".join([*parts, f"<table>{cells}</table>"])
    style = "display:flex;flex-wrap:wrap;gap:1em;align-items:flex-start"
    return f"<div style='{style}'>{body}</div>"


def _picture(title: str, array: _Array, channel_axis: int | None) -> str:
    """Return a picture with its title as HTML; empty without matplotlib or a picture."""
    try:
        from matplotlib.image import imsave
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
    shown = GreyScale.between(seen).apply(seen)
    if len(sides) == 3:
        centre = tuple(n // 2 for n in thinned.shape[:3])
        shown = np.nan_to_num(through(shown, centre), nan=1.0)
    file = io.BytesIO()
    imsave(file, shown, cmap="gray", vmin=0, vmax=1, format="png")
    data = base64.b64encode(file.getvalue()).decode()
    return (
        f"<figure style='margin:0'><img alt='{html.escape(title)}' width='180' "
        f"style='image-rendering:pixelated' src='data:image/png;base64,{data}'/>"
        f"<figcaption>{html.escape(title)}</figcaption></figure>"
    )
