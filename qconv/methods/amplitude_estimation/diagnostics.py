"""Diagnostics of amplitude estimation: reliable pixels, noise, and the hits at every power."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qconv._checks import numpy_defaults
from qconv.methods.amplitude_estimation.hits import Hits
from qconv.result.diagnostics import Diagnostics
from qconv.result.index import Index, at_pixels, pixels_at
from qconv.result.numbers import shares

_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AngleDiagnostics(Diagnostics):
    """Reliability, noise and hits of a result of `AmplitudeEstimation`."""

    reliable: NDArray[np.bool_]
    """Whether each pixel's standard error is reliable, shape of ``image``: no other value is nearly
    as likely, neither end of the range is close, and noise is distinguishable from the image."""
    contrast: _Array | None = None
    """Contrast of the flag at each Grover power, from 0 to 1 (no noise), fitted to the outcomes;
    None if no noise was expected."""
    information: float | None = None
    """Fisher information about each pixel's angle, expected from the shots without noise. None for
    an exact result."""
    hits: tuple[Hits, ...] = ()
    """Hits and misses of each block of the whole image; empty for an exact result."""
    pixels: NDArray[np.intp] | None = None
    """Position of each pixel of a part in the flattened whole image, shape of the part; None for
    the whole image."""

    def __add__(self, other: AngleDiagnostics) -> AngleDiagnostics:
        """Add the hits and estimate again; without hits, combine the fields by information."""
        information = None
        if self.information is not None and other.information is not None:
            information = self.information + other.information
        if self._alike(other):
            hits = tuple(a + b for a, b in zip(self.hits, other.hits, strict=True))
            total = replace(self, information=information, hits=hits)
            contrasts = [own for part in hits if (own := part.estimates[3]) is not None]
            contrast = np.mean(contrasts, axis=0) if contrasts else None
            return replace(total, reliable=total._assembled(2), contrast=contrast)
        contrast = None
        one, two = self.contrast, other.contrast
        if one is not None and two is not None and one.shape == two.shape:
            a, b = self.shares(other) or (0.5, 0.5)
            contrast = np.asarray(a * one + b * two)
        return AngleDiagnostics(self.reliable & other.reliable, contrast, information)

    def _alike(self, other: AngleDiagnostics) -> bool:
        """Whether the hits of both can be added, and the pixels are the same."""
        return (
            0 < len(self.hits) == len(other.hits)
            and (self.pixels is None) == (other.pixels is None)
            and (self.pixels is None or np.array_equal(self.pixels, other.pixels))  # type: ignore[arg-type]
            and all(a.alike(b) for a, b in zip(self.hits, other.hits, strict=True))
        )

    def __getitem__(self, index: Index) -> AngleDiagnostics:
        """Return the diagnostics of some of the pixels, with the hits of all."""
        reliable = self.reliable[index]
        if not self.hits:
            return replace(self, reliable=reliable)
        if self.pixels is None and index[0] == 0 and self.reliable.shape == (1, *reliable.shape):
            places = [(0, axis + 1) for axis in range(reliable.ndim)]  # drops an axis of one pixel
            hits = tuple(own.placed(places) for own in self.hits)
            return replace(self, reliable=reliable, hits=hits)
        pixels = pixels_at(index, self.pixels, self.reliable.shape)
        return replace(self, reliable=reliable, pixels=pixels)

    @numpy_defaults
    def estimate(self) -> tuple[_Array, _Array] | None:
        """Return estimates and standard errors from all hits; None without hits."""
        return (self._assembled(0), self._assembled(1)) if self.hits else None

    @classmethod
    def assembled(
        cls,
        shape: tuple[int, ...],
        parts: Sequence[tuple[tuple[slice, ...], AngleDiagnostics]],
    ) -> AngleDiagnostics | None:
        """Combine the diagnostics of images into the diagnostics of a larger image."""
        reliable = np.ones(shape, dtype=bool)
        hits: list[Hits] = []
        for position, part in parts:
            reliable[position] = part.reliable
            if part.hits:
                places = part._places(position)
                hits += [own.placed(places) for own in part.hits]
        contrasts = [part.contrast for _, part in parts if part.contrast is not None]
        alike = len({contrast.shape for contrast in contrasts}) == 1
        known = [part.information for _, part in parts if part.information is not None]
        return cls(
            reliable,
            contrast=np.mean(contrasts, axis=0) if alike else None,
            information=float(np.mean(known)) if known else None,
            hits=tuple(hits),
        )

    def _places(self, position: tuple[slice, ...]) -> list[tuple[int, int | None]]:
        """Return the first pixel and the axis of the hits, for each axis of a larger image.

        The axis is None where the image of the hits does not have the axis.
        """
        own, places = 0, []
        sides = self._sides
        for part, length in zip(position, self.reliable.shape, strict=True):
            known = own < len(sides) and sides[own] == length
            places.append((part.start, own if known else None))
            own += known
        return places

    @property
    def _sides(self) -> list[int]:
        """Shape of the image whose pixels the hits estimate."""
        outputs = [hits.block.outputs for hits in self.hits]
        return [max(part[axis].stop for part in outputs) for axis in range(len(outputs[0]))]

    @numpy_defaults
    def _assembled(self, part: int) -> NDArray[Any]:
        """Return one kind of estimates of all blocks, at the pixels of the part."""
        whole = np.empty(self._sides, dtype=bool if part == 2 else np.float64)
        for hits in self.hits:
            whole[hits.block.outputs] = hits.estimates[part]
        return at_pixels(whole, self.pixels)

    def shares(self, other: AngleDiagnostics) -> tuple[Any, Any] | None:
        """Return weights proportional to the information, which differs between powers."""
        if self.information is None or other.information is None:
            return None
        return shares(self.information, other.information)

    def rows(self) -> list[tuple[str, str]]:
        """Return the fraction of reliable pixels and the contrast of each power."""
        rows = [("reliable pixels", f"{100 * self.reliable.mean():.1f} %")]
        if self.contrast is not None:
            rows.append(("contrast left", ", ".join(f"{part:.3f}" for part in self.contrast)))
        return rows

    def arrays(self) -> dict[str, Any]:
        """Return the arrays and numbers that are not None."""
        names = ("contrast", "information", "pixels")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        blocks = {
            f"hits.{number}.{name}": array
            for number, hits in enumerate(self.hits)
            for name, array in hits.arrays().items()
        }
        return {"reliable": self.reliable} | given | blocks

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> AngleDiagnostics:
        """Create diagnostics from the arrays of a file."""
        blocks: dict[int, dict[str, NDArray[Any]]] = defaultdict(dict)
        for name in arrays:
            if name.startswith("hits."):
                _, number, field = name.split(".", 2)
                blocks[int(number)][field] = arrays[name]
        return cls(
            arrays["reliable"],
            arrays.get("contrast"),
            float(arrays["information"]) if "information" in arrays else None,
            tuple(Hits.from_arrays(blocks[number]) for number in sorted(blocks)),
            arrays.get("pixels"),
        )
