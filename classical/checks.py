"""Checks of arguments: every error says which argument, what was expected and what came."""

import math
import numbers
from collections.abc import Collection

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_AXES = 3

Seed = int | np.random.SeedSequence | np.random.Generator | None


def real_array(name: str, values: ArrayLike, *, finite: bool = True) -> NDArray[np.float64]:
    """Turn real numbers into a float64 array.

    Args:
        name: Name of the argument, for the message.
        values: Real numbers (bool, integer or float), any shape.
        finite: Whether NaN and infinity are errors.

    Returns:
        A float64 array of the same shape; the input itself where it already is one.

    Raises:
        TypeError: Complex numbers, or no numbers at all.
        ValueError: Nested lists of unequal length, no element, NaN or infinity.
    """
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name}: expected an array of real numbers, got {error}") from error
    if array.dtype.kind not in "buif":
        raise TypeError(f"{name}: expected real numbers, got dtype {array.dtype}")
    if array.size == 0:
        raise ValueError(f"{name}: expected at least one element, got shape {array.shape}")
    result = array.astype(np.float64, copy=False)
    if finite and not np.isfinite(result).all():
        bad = int(np.count_nonzero(~np.isfinite(result)))
        raise ValueError(f"{name}: expected finite numbers, got {bad} NaN or infinite")
    return result


def image_and_kernel(
    image: ArrayLike, kernel: ArrayLike, *, name: str = "kernel", most_axes: int = MAX_AXES
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Check an image and a kernel of 1, 2 or 3 axes, the same number in both.

    Args:
        image: Real array, any unit.
        kernel: Real array with as many axes.
        name: What the caller calls the kernel.
        most_axes: Most axes, at least 2.

    Returns:
        Both as float64.

    Raises:
        TypeError: Complex numbers, or no numbers at all.
        ValueError: Empty, not finite, or the wrong number of axes.
    """
    x, k = real_array("image", image), real_array(name, kernel)
    if not 1 <= x.ndim <= most_axes:
        counts = f"{', '.join(map(str, range(1, most_axes)))} or {most_axes}"
        raise ValueError(f"image: expected {counts} axes, got {x.ndim} (shape {x.shape})")
    if k.ndim != x.ndim:
        raise ValueError(
            f"{name}: expected {x.ndim} axes like the image, got {k.ndim} (shape {k.shape})"
        )
    return x, k


def one_of(name: str, value: object, choices: Collection[str]) -> str:
    """Check a word against the words allowed.

    Args:
        name: Name of the argument, for the message.
        value: What the caller gave.
        choices: The words allowed.

    Returns:
        The word.

    Raises:
        ValueError: Any other value.
    """
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(choices)}; got {value!r}")
    return value


def real_number(name: str, value: object) -> float:
    """Check a finite real number.

    Args:
        name: Name of the argument, for the message.
        value: What the caller gave.

    Returns:
        The number as a float.

    Raises:
        TypeError: Not a real number.
        ValueError: NaN or infinity.
    """
    if isinstance(value, np.bool_):
        value = bool(value)
    if not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: expected a real number, got {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{name}: expected a finite number, got {value!r}")
    return float(value)


def positive_number(name: str, value: object) -> float:
    """Check a finite real number above 0.

    Args:
        name: Name of the argument, for the message.
        value: What the caller gave.

    Returns:
        The number as a float.

    Raises:
        TypeError: Not a real number.
        ValueError: 0 or below, NaN or infinity.
    """
    number = real_number(name, value)
    if number <= 0:
        raise ValueError(f"{name}: expected a positive number, got {value!r}")
    return number


def non_negative_number(name: str, value: object) -> float:
    """Check a finite real number of at least 0.

    Args:
        name: Name of the argument, for the message.
        value: What the caller gave.

    Returns:
        The number as a float.

    Raises:
        TypeError: Not a real number.
        ValueError: Below 0, NaN or infinity.
    """
    number = real_number(name, value)
    if number < 0:
        raise ValueError(f"{name}: expected a number of at least 0, got {value!r}")
    return number


def positive_integer(name: str, value: object) -> int:
    """Check a whole number of at least 1.

    Args:
        name: Name of the argument, for the message.
        value: What the caller gave.

    Returns:
        The number as an int.

    Raises:
        TypeError: Not an integer (1.5, 3.0, True and "many" are not).
        ValueError: Below 1.
    """
    return _integer_of_at_least(1, name, value)


def non_negative_integer(name: str, value: object) -> int:
    """Check a whole number of at least 0.

    Args:
        name: Name of the argument, for the message.
        value: What the caller gave.

    Returns:
        The number as an int.

    Raises:
        TypeError: Not an integer (1.5, 3.0, True and "many" are not).
        ValueError: Below 0.
    """
    return _integer_of_at_least(0, name, value)


def _integer_of_at_least(least: int, name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}: expected an integer of at least {least}, got {value!r}")
    if value < least:
        raise ValueError(f"{name}: expected an integer of at least {least}, got {value!r}")
    return int(value)


def grid_shape(name: str, value: object) -> tuple[int, ...]:
    """Check the shape of an image with 1, 2 or 3 axes.

    Args:
        name: Name of the argument, for the message.
        value: What the caller gave.

    Returns:
        The shape, as a tuple of ints.

    Raises:
        TypeError: Not a tuple or list of integers.
        ValueError: The wrong number of axes, or an axis without a pixel.
    """
    expected = f"{name}: expected 1, 2 or 3 positive integers, got {value!r}"
    if not isinstance(value, tuple | list):
        raise TypeError(expected)
    if any(isinstance(n, bool) or not isinstance(n, numbers.Integral) for n in value):
        raise TypeError(expected)
    if not 1 <= len(value) <= MAX_AXES or min(value) < 1:
        raise ValueError(expected)
    return tuple(int(n) for n in value)


def generator(seed: object) -> np.random.Generator:
    """Make the one random generator of a call.

    Args:
        seed: A non-negative integer, a ``SeedSequence``, a ``Generator``, or None for fresh
            entropy from the operating system.

    Returns:
        The generator; the caller's own if a ``Generator`` was given.

    Raises:
        TypeError: Any other type.
        ValueError: A negative integer.
    """
    if seed is None or isinstance(seed, np.random.SeedSequence | np.random.Generator):
        return np.random.default_rng(seed)
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral):
        raise TypeError(
            f"seed: expected an integer, a SeedSequence, a Generator or None, got {seed!r}"
        )
    if seed < 0:
        raise ValueError(f"seed: expected a non-negative integer, got {seed!r}")
    return np.random.default_rng(int(seed))
