"""Options that all whole-image methods have."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import ClassVar

from qconv.circuits.loading.preparation import EXACT, Preparation, checked_preparation
from qconv.planning.method import Method


class WholeImageMethod(Method):
    """Options of a method whose circuit prepares the image."""

    preparation: Preparation
    """Preparation of the image, ``"exact"`` or a `qconv.ApproximatePreparation`."""

    whole_image: ClassVar[bool] = True

    @property
    def loads_exactly(self) -> bool:
        """Whether circuits load the image exactly."""
        return self.preparation == EXACT

    def _check_preparation(self) -> None:
        checked_preparation(self.preparation)

    def __repr__(self) -> str:
        """Write all options, but the preparation only if it is approximate."""
        names: list[str] = [part.name for part in fields(self)] if is_dataclass(self) else []
        shown = [name for name in names if name != "preparation" or not self.loads_exactly]
        options = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
        return f"{type(self).__name__}({options})"
