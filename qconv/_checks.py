"""Checks of arguments, with messages that name the argument, the expectation and the value."""

from __future__ import annotations

import numbers
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Decorator of public functions that applies NumPy's default handling of floating-point errors,
#: whatever the caller has set. Underflow is ignored, because 0 is then the right answer.
numpy_defaults = np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")


def real_array(value: ArrayLike, name: str, *, finite: bool = True) -> NDArray[np.float64]:
    """Convert to a non-empty real ``float64`` array, without a copy if it is one already.

    Raises:
        TypeError: If ``value`` is complex or not numeric.
        ValueError: If ``value`` is empty, ragged or masked, or if ``finite`` is True and an entry
            is NaN or infinite.
    """
    require_unmasked(value, name)
    try:
        array = np.asarray(_plain(value))
    except ValueError:
        raise ValueError(f"{name}: expected a rectangular array, got a ragged one") from None
    if array.dtype.kind == "c":
        raise TypeError(f"{name}: expected real numbers, got complex ones ({array.dtype})")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected an array of real numbers, got {_describe(value, array)}")
    if array.size == 0:
        raise ValueError(f"{name}: expected at least one entry, got an empty array {array.shape}")
    array = array.astype(np.float64, copy=False)
    if finite:
        require_finite(array, name)
    return array


def _plain(value: ArrayLike) -> ArrayLike:
    """Convert a data frame or series of nullable numbers, which NumPy takes for objects."""
    convert = getattr(value, "to_numpy", None)
    if convert is None or not hasattr(value, "isna"):
        return value
    try:
        return np.asarray(convert(dtype=np.float64, na_value=np.nan))
    except (TypeError, ValueError):
        return value


def require_unmasked(value: ArrayLike, name: str) -> None:
    """Raise a ``ValueError`` if an array, or one in a list, has masked entries."""
    hidden = _hidden(value)
    if hidden:
        found = f"{hidden} masked; fill them first"
        raise ValueError(f"{name}: expected an array without masked entries, got {found}")


def _hidden(value: object) -> int:
    """Count the masked entries of an array, or of all arrays in a nested list."""
    if isinstance(value, np.ma.MaskedArray):
        return int(np.count_nonzero(np.ma.getmask(value)))
    return sum(map(_hidden, value)) if isinstance(value, list | tuple) else 0


def require_finite(array: NDArray[np.float64], name: str) -> None:
    """Raise a ``ValueError`` if entries are NaN or infinite."""
    # The sum needs no temporary array, and is finite only if all entries are.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(array.sum()):
            return
    bad = ~np.isfinite(array)
    if bad.any():
        first = tuple(map(int, np.unravel_index(bad.argmax(), bad.shape)))
        found = f"{np.count_nonzero(bad)} that are NaN or infinite (the first at {first})"
        raise ValueError(f"{name}: expected finite numbers, got {found}")


def _describe(value: object, array: NDArray[np.generic]) -> str:
    """Describe an array that does not contain numbers."""
    if isinstance(value, str) or (array.ndim == 0 and array.dtype == object):
        return type(value).__name__
    if array.dtype != object:
        return f"dtype {array.dtype}"
    if array.size == 0:
        return "an empty array of objects"
    no_numbers = (entry for entry in array.flat if not isinstance(entry, numbers.Real))
    return f"an array of objects (such as {type(next(no_numbers, array.flat[0])).__name__})"


def one_of(value: object, name: str, choices: Sequence[str]) -> str:
    """Return one of ``choices`` unchanged; raise a ``ValueError`` for anything else."""
    if not isinstance(value, str) or value not in choices:
        wanted = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name}: expected one of {wanted}, got {value!r}")
    return value


def real_number(value: object, name: str) -> float:
    """Convert to a finite ``float``.

    Raises:
        TypeError: If ``value`` is not a real number.
        ValueError: If ``value`` is NaN or infinite.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not isinstance(value, numbers.Real | np.bool_):
        raise TypeError(f"{name}: expected a real number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not np.isfinite(number):
        raise ValueError(f"{name}: expected a finite number, got {value!r}")
    return number


def whole_number(value: object, name: str, minimum: int, maximum: int = 2**53) -> int:
    """Convert to an ``int`` from ``minimum`` to ``maximum``.

    Raises:
        TypeError: If ``value`` is not an integer; ``True`` and ``1.0`` are not.
        ValueError: If ``value`` is out of range.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}: expected an integer >= {minimum}, got {value!r}")
    number = int(value)
    if number < minimum:
        raise ValueError(f"{name}: expected an integer >= {minimum}, got {value!r}")
    if number > maximum:
        raise ValueError(f"{name}: expected an integer <= {maximum}, got {value!r}")
    return number


def require_seed(seed: object) -> None:
    """Raise unless a value is a seed of random numbers.

    Raises:
        TypeError: If ``seed`` is not an integer, a ``SeedSequence``, a ``Generator`` or None.
        ValueError: If ``seed`` is negative.
    """
    if isinstance(seed, bool | np.bool_) or not isinstance(
        seed, int | np.integer | np.random.SeedSequence | np.random.Generator | None
    ):
        raise TypeError(
            "seed: expected an integer, a numpy SeedSequence, a numpy Generator or None, "
            f"got {seed!r}"
        )
    if isinstance(seed, int | np.integer) and seed < 0:
        raise ValueError(f"seed: expected an integer >= 0, got {seed}")


def boolean(value: object, name: str) -> bool:
    """Convert to a ``bool``; raise a ``TypeError`` for anything but True and False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}: expected True or False, got {value!r}")
    return bool(value)


def require_products(largest: float, name: str = "image") -> None:
    """Raise a ``ValueError`` if ``largest``, a bound on products with the kernel, is infinite."""
    if not np.isfinite(largest):
        raise ValueError(
            f"{name}: products with the kernel exceed 1.8e308; scale the image or the kernel down"
        )
