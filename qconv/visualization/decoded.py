"""Decoded picture files: numbers, the meaning of their axes, and what was changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from qconv._memory import require_memory


class UnfitError(Exception):
    """A readable file that is not a picture or a stack of pictures of real numbers."""


@dataclass(frozen=True)
class Calibration:
    """Metadata of a TIFF that also apply to its convolution."""

    kind: str = ""
    """Convention of the metadata: ``"imagej"``, ``"ome"``, or empty for a plain TIFF."""
    resolution: tuple[float, float] | None = None
    """Pixels per unit along rows and along columns, as in the tags of the TIFF; None if unknown."""
    unit: int = 1
    """Unit of ``resolution``: 1 for no unit, 2 for inches, 3 for centimetres."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Further metadata, by their names in the convention."""

    def __str__(self) -> str:
        sizes, unit = [], ""
        if self.kind == "ome":
            found = [axis for axis in "ZYX" if f"PhysicalSize{axis}" in self.metadata]
            sizes = [float(self.metadata[f"PhysicalSize{axis}"]) for axis in found]
            unit = str(self.metadata.get("PhysicalSizeXUnit", "\N{MICRO SIGN}m"))
        elif self.kind == "imagej" and self.resolution and self.metadata.get("unit"):
            sizes = [1 / each for each in reversed(self.resolution)]
            sizes = [float(each) for each in [self.metadata.get("spacing")] if each] + sizes
            unit = str(self.metadata["unit"])
        return f"{' x '.join(f'{size:.4g}' for size in sizes)} {unit}" if sizes else ""


@dataclass(frozen=True)
class Decoded:
    """A picture as stored in its file, in its upright orientation."""

    colours: NDArray[Any]
    """Numbers. The last axis holds red, green and blue if ``axes`` ends with S."""
    white: float | None
    """Value of white; None for floating-point numbers, which have no fixed white."""
    opacity: NDArray[Any] | None = None
    """Opacity, in the unit of ``colours``, without the axis of colours; None if opaque."""
    premultiplied: bool = False
    """Whether the colours are already multiplied by the opacity."""
    axes: str = ""
    """One letter per axis, as in TIFF files: Y and X for rows and columns, Z for depth, S for
    colours, others for slices. Empty for ``YX`` or ``YXS``."""
    kind: str = ""
    """Name of the file format, such as ``"TIFF"``."""
    calibration: Calibration = Calibration()
    """Resolution and further metadata of a TIFF."""
    notes: tuple[str, ...] = ()
    """Differences from the file, one sentence each."""


def require_room(size: int, what: str) -> None:
    """Raise if ``size`` unpacked numbers and their floating-point copies do not fit in memory."""
    try:
        require_memory(24 * size, f"{what} are")
    except ValueError as error:
        raise UnfitError(str(error)) from None
