"""Diagnostics: data of a result that one kind of method adds."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qconv.result.index import Index

_Array = NDArray[np.float64]

#: Every class of diagnostics, by its full name, which is written to files.
_KINDS: dict[str, type[Diagnostics]] = {}

#: Package of the classes that are imported automatically when a file contains one.
_OWN = "qconv.methods."


class UnknownKindError(ValueError):
    """Error for diagnostics of a class that has not been imported."""


class Diagnostics(ABC):
    """Base class of ``result.diagnostics``, the data that one kind of method adds to a result.

    Derive a frozen dataclass and implement ``__add__`` (diagnostics of the sum of two results),
    ``__getitem__`` (diagnostics of a part of the image), `arrays` and `from_arrays`. The instances
    are then added, indexed, saved and loaded with their results. Files refer to the class by module
    and name. Import the module before you load such a file.

    Example:
        >>> from dataclasses import dataclass
        >>> import numpy as np
        >>> import qconv
        >>> @dataclass(frozen=True)
        ... class Rejected(qconv.Diagnostics):
        ...     pixels: np.ndarray  # number of rejected shots of each pixel
        ...
        ...     def __add__(self, other):
        ...         return Rejected(self.pixels + other.pixels)
        ...
        ...     def __getitem__(self, index):
        ...         return Rejected(self.pixels[index])
        ...
        ...     def arrays(self):
        ...         return {"pixels": self.pixels}
        ...
        ...     @classmethod
        ...     def from_arrays(cls, arrays):
        ...         return cls(arrays["pixels"])
        >>> (Rejected(np.array([1, 2])) + Rejected(np.array([0, 3]))).pixels
        array([1, 5])
    """

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        _KINDS[kind_of(cls)] = cls

    @abstractmethod
    def __add__(self, other: Any) -> Diagnostics | None:
        """Return the diagnostics of the sum of two results; None to drop them."""

    @abstractmethod
    def __getitem__(self, index: Index) -> Diagnostics | None:
        """Return the diagnostics of a part of the image; None to drop them.

        Args:
            index: Tuple of integers, slices, ``...`` and None, for arrays of the image's shape.
        """

    @abstractmethod
    def arrays(self) -> Mapping[str, ArrayLike]:
        """Return the arrays and numbers to save, by name; they must not contain Python objects."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Diagnostics:
        """Make the diagnostics from the saved arrays, as `arrays` returned them."""

    def shares(self, other: Any) -> tuple[ArrayLike, ArrayLike] | None:
        """Return the weights of two results in their sum; None to weight them by their shots."""
        return None

    def estimate(self) -> tuple[_Array, _Array] | None:
        """Return the image and standard error of a sum of results; None for the weighted mean."""
        return None

    def rows(self) -> list[tuple[str, str]]:
        """Return rows for the printed table, as pairs of a name and a text; by default none."""
        return []

    @classmethod
    def assembled(
        cls, shape: tuple[int, ...], parts: Sequence[tuple[tuple[slice, ...], Any]]
    ) -> Diagnostics | None:
        """Return the diagnostics of an image that `Blocks` computed; None to drop them.

        Args:
            shape: Shape of the image.
            parts: Position of every block in the image, and the diagnostics of the block. Blocks of
                ``"overlap-add"`` overlap.
        """
        return None


def added(
    first: Diagnostics | None, second: Diagnostics | None
) -> tuple[Diagnostics | None, tuple[ArrayLike, ArrayLike] | None]:
    """Return the diagnostics and weights of a sum; None for both if the classes differ."""
    if first is None or type(first) is not type(second):
        return None, None
    return first + second, first.shares(second)


def assembled(
    shape: tuple[int, ...], parts: Sequence[tuple[tuple[slice, ...], Diagnostics]]
) -> Diagnostics | None:
    """Return the diagnostics of an image from its blocks; None if their classes differ."""
    kinds = {type(part) for _, part in parts}
    return kinds.pop().assembled(shape, parts) if len(kinds) == 1 else None


def kind_of(cls: type[Diagnostics]) -> str:
    """Return the full name of a class, as it is written to files."""
    return f"{cls.__module__}.{cls.__qualname__}"


def named(kind: str) -> type[Diagnostics]:
    """Find a class of diagnostics by its full name, or raise an `UnknownKindError`."""
    if kind not in _KINDS and kind.startswith(_OWN):
        with suppress(ModuleNotFoundError):  # a class of another version
            importlib.import_module(kind.rpartition(".")[0])
    if kind not in _KINDS:
        raise UnknownKindError(
            f"expected diagnostics of a known class, got {kind}; import the module that defines "
            "the class before loading"
        )
    return _KINDS[kind]
