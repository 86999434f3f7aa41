"""Previews of results in notebooks: small pictures beside a table."""

from __future__ import annotations

import base64
import html
import io

import numpy as np
from numpy.typing import NDArray

from qconv.visualization.pictures import GreyScale

_Array = NDArray[np.float64]

#: Maximum number of pixels per axis of a preview; larger pictures are subsampled.
_MOST = 256


def preview(pictures: dict[str, _Array], rows: list[tuple[str, str]]) -> str:
    """Return pictures and a table as HTML; pictures need 2 axes and matplotlib."""
    parts = [_picture(title, array) for title, array in pictures.items() if array.ndim == 2]
    cells = "".join(
        f"<tr><td style='text-align:left'>{html.escape(name)}</td>"
        f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
        for name, value in rows
    )
    body = "".join([*parts, f"<table>{cells}</table>"])
    style = "display:flex;flex-wrap:wrap;gap:1em;align-items:flex-start"
    return f"<div style='{style}'>{body}</div>"


def _picture(title: str, array: _Array) -> str:
    """Return a picture with its title as HTML; empty without matplotlib or pixels."""
    try:
        from matplotlib.image import imsave
    except ModuleNotFoundError:
        return ""
    if not array.size:
        return ""
    thinned = array[tuple(slice(None, None, -(-length // _MOST)) for length in array.shape)]
    shown = np.nan_to_num(thinned)
    file = io.BytesIO()
    imsave(file, GreyScale.between(shown).apply(shown), cmap="gray", vmin=0, vmax=1, format="png")
    data = base64.b64encode(file.getvalue()).decode()
    return (
        f"<figure style='margin:0'><img alt='{html.escape(title)}' width='180' "
        f"style='image-rendering:pixelated' src='data:image/png;base64,{data}'/>"
        f"<figcaption>{html.escape(title)}</figcaption></figure>"
    )
