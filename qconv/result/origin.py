"""Origins of results: estimated quantity, random streams and package versions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from qconv._versions import versions
from qconv.result.index import View

#: Message of the error for results that estimate different quantities.
DIFFERENT = (
    "only results of the same image, kernel, mode, boundary and noise can be added; "
    "these results differ"
)


@dataclass(frozen=True)
class Origin:
    """Estimated quantity, random streams and package versions of a result."""

    quantity: str = ""
    """Digest of the estimated quantity: image, kernel, geometry and noise of the backend."""
    streams: frozenset[str] = frozenset()
    """Names of the random streams of the shots."""
    versions: frozenset[str] = field(default_factory=versions)
    """Versions of the packages that computed the result, each as in ``"numpy 2.4.6"``."""
    view: View | None = None
    """Pixels of a part of the result; None for the whole result."""

    @property
    def part(self) -> str:
        """Name of the pixels of a part; empty for the whole result."""
        return "" if self.view is None else self.view.name

    def __add__(self, other: Origin) -> Origin:
        """Return the origin of the sum of two results.

        Raises:
            ValueError: If the two results estimate different quantities or share shots.
        """
        if (self.quantity, self.part) != (other.quantity, other.part):
            raise ValueError(DIFFERENT)
        if self.streams & other.streams:
            raise ValueError(
                "the two results have the same seed, so their shots are the same or were split in "
                "the same way; expected different seeds"
            )
        return replace(
            self,
            streams=self.streams | other.streams,
            versions=self.versions | other.versions,
        )
