"""Origins of results: estimated quantity, random streams and package versions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from qconv._versions import versions

#: Message of the error for results that estimate different quantities.
DIFFERENT = (
    "only results of the same image, kernel, mode, boundary and noise can be added; "
    "these results differ"
)


@dataclass(frozen=True)
class Origin:
    """Estimated quantity, random streams and package versions of a result."""

    quantity: str = ""
    """Digest of the estimated quantity: image, kernel, geometry, noise of the backend (if any), and
    index of the selected part (if any)."""
    streams: frozenset[str] = frozenset()
    """Names of the random streams of the shots."""
    versions: frozenset[str] = field(default_factory=versions)
    """Versions of the packages that computed the result, each as in ``"numpy 2.4.6"``."""

    def __add__(self, other: Origin) -> Origin:
        """Return the origin of the sum of two results.

        Raises:
            ValueError: If the two results estimate different quantities or share shots.
        """
        if self.quantity != other.quantity:
            raise ValueError(DIFFERENT)
        if self.streams & other.streams:
            raise ValueError(
                "the two results have the same seed, so their shots are the same or were split in "
                "the same way; expected different seeds"
            )
        return Origin(self.quantity, self.streams | other.streams, self.versions | other.versions)

    def part(self, name: str) -> Origin:
        """Return the origin of the part of the result whose index has a name."""
        return replace(self, quantity=f"{self.quantity}{name}")
