"""Regions of a picture: slices, or masks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.float64]

#: Part of a picture: slices along its axes, a mask of its shape, or None for the whole picture.
Region = slice | tuple[slice, ...] | NDArray[np.bool_] | None


def named(region: Region) -> str:
    """Return a region as text in brackets, as one would write it."""
    if region is None:
        return ""
    if isinstance(region, slice):
        region = (region,)
    if not isinstance(region, tuple):
        return f", a mask of {int(np.sum(region)):,} pixels"
    texts = []
    for part in region:
        ends = ("" if end is None else str(end) for end in (part.start, part.stop))
        texts.append(":".join(ends) + ("" if part.step is None else f":{part.step}"))
    return f"[{', '.join(texts)}]"


def inside(region: Region, shape: tuple[int, ...]) -> _Array:
    """Return 1 inside a region and 0 outside.

    Raises:
        TypeError: If the region is neither slices nor a mask.
        ValueError: If the region is empty, or does not suit the shape.
    """
    chosen = np.zeros(shape)
    if region is None:
        return chosen + 1
    if isinstance(region, slice):
        region = (region,)
    if isinstance(region, tuple) and all(isinstance(part, slice) for part in region):
        if len(region) > len(shape):
            raise ValueError(f"region: expected at most {len(shape)} slices, got {len(region)}")
        chosen[region] = 1
    else:
        mask = np.asarray(region)
        if mask.dtype != np.bool_:
            raise TypeError(f"region: expected slices or an array of bools, got {region!r}")
        if mask.shape != shape:
            raise ValueError(f"region: expected the shape of the result, {shape}, got {mask.shape}")
        chosen[mask] = 1
    if not chosen.any():
        raise ValueError(f"region: expected at least one pixel of {shape}, got none: {region!r}")
    return chosen
