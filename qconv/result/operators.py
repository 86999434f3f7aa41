"""Operators that raise for results, because the standard error would be lost or wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn


def rejection(left: object, symbol: str, right: object) -> TypeError:
    """Return the error for an operator between a result and something else.

    Args:
        left: Left operand.
        symbol: Operator as it is written.
        right: Right operand.
    """
    kinds, images = [], []
    for part in (left, right):
        own = isinstance(part, SumOnly)
        kinds.append("result" if own else type(part).__name__)
        images.append("result.image" if own else "...")
    got, instead = f" {symbol} ".join(kinds), f" {symbol} ".join(images)
    return TypeError(
        f"expected result + result of the same convolution, got {got}; for the image without its "
        f"standard error, write {instead}"
    )


def _rejected(symbol: str) -> Callable[[Any, object], NoReturn]:
    """Return the method for a result on the left of an operator."""

    def operate(self: Any, other: object) -> NoReturn:
        raise rejection(self, symbol, other)

    return operate


def _rejected_right(symbol: str) -> Callable[[Any, object], NoReturn]:
    """Return the method for a result on the right of an operator."""

    def operate(self: Any, other: object) -> NoReturn:
        raise rejection(other, symbol, self)

    return operate


class SumOnly:
    """Base class whose operators raise a `TypeError`, apart from the sum."""

    __sub__, __rsub__ = _rejected("-"), _rejected_right("-")
    __mul__, __rmul__ = _rejected("*"), _rejected_right("*")
    __truediv__, __rtruediv__ = _rejected("/"), _rejected_right("/")
    __floordiv__, __rfloordiv__ = _rejected("//"), _rejected_right("//")
    __mod__, __rmod__ = _rejected("%"), _rejected_right("%")
    __pow__, __rpow__ = _rejected("**"), _rejected_right("**")
    __matmul__, __rmatmul__ = _rejected("@"), _rejected_right("@")

    #: NumPy leaves operators between arrays and results to the methods above.
    __array_ufunc__ = None

    def __neg__(self) -> NoReturn:
        raise TypeError(
            "expected result + result of the same convolution, got -result; for the image without "
            "its standard error, write -result.image"
        )

    def __iter__(self) -> NoReturn:
        """Raise, because functions of sequences would drop the standard errors."""
        raise TypeError(
            "a result is not iterable; iterate over result.image, or index parts with their "
            "standard errors: result[i] for i in range(result.shape[0])"
        )
