"""Operators that results reject, because the standard error would be lost or wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn


def rejection(left: object, symbol: str, right: object) -> TypeError:
    """Return the error for an operator between a result and something else."""
    kinds, images = [], []
    for part in (left, right):
        own = isinstance(part, SumOnly)
        kinds.append("result" if own else type(part).__name__)
        images.append("result.image" if own else "...")
    got, instead = f" {symbol} ".join(kinds), f" {symbol} ".join(images)
    return TypeError(
        f"expected a sum of two results of the same convolution, got {got}; for the image without "
        f"its standard error, write {instead}"
    )


def _rejected(
    symbol: str,
) -> tuple[Callable[[Any, object], NoReturn], Callable[[Any, object], NoReturn]]:
    """Return the methods for a result on the left and on the right of an operator."""

    def on_the_left(self: Any, other: object) -> NoReturn:
        raise rejection(self, symbol, other)

    def on_the_right(self: Any, other: object) -> NoReturn:
        raise rejection(other, symbol, self)

    return on_the_left, on_the_right


class SumOnly:
    """Base class whose operators raise a `TypeError`, except the sum."""

    __sub__, __rsub__ = _rejected("-")
    __mul__, __rmul__ = _rejected("*")
    __truediv__, __rtruediv__ = _rejected("/")
    __floordiv__, __rfloordiv__ = _rejected("//")
    __mod__, __rmod__ = _rejected("%")
    __pow__, __rpow__ = _rejected("**")
    __matmul__, __rmatmul__ = _rejected("@")

    #: Makes NumPy leave operators between arrays and results to the methods above.
    __array_ufunc__ = None

    def __neg__(self) -> NoReturn:
        raise TypeError(
            "a result cannot be negated, got -result; for the image without its standard error, "
            "write -result.image"
        )

    def __iter__(self) -> NoReturn:
        """Raise, because functions of sequences would drop the standard errors."""
        raise TypeError(
            "a result is not iterable; iterate over result.image, or index parts with their "
            "standard errors: result[i] for i in range(result.shape[0])"
        )
