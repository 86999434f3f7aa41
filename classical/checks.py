"""Checks of arguments: every error says which argument, what was expected and what came."""

import numbers
from collections.abc import Collection

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Decorates what users call: NumPy's own answer to overflow and underflow, whatever the caller has
#: told it to do.
numpy_defaults = np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")

MAX_AXES = 3

Seed = int | np.random.SeedSequence | np.random.Generator | None


def real_array(
    name: str, values: ArrayLike, *, finite: bool = True, empty: bool = False
) -> NDArray[np.float64]:
    """Real numbers as a float64 array; the input itself where it already is one.

    Raises:
        TypeError: Complex numbers, or no numbers at all.
        ValueError: Nested lists of unequal length, masked entries, no entry (unless `empty`), or
            (`finite`) NaN or infinity.
    """
    array = _array(name, values, "real numbers")
    if array.dtype.kind == "c":
        raise TypeError(f"{name}: expected real numbers, got complex ones ({array.dtype})")
    if array.size == 0 and not empty:
        raise ValueError(f"{name}: expected at least one entry, got an empty array {array.shape}")
    result = array.astype(np.float64, copy=False)
    if finite:
        _require_finite(name, result)
    return result


def complex_array(name: str, values: ArrayLike) -> NDArray[np.complex128]:
    """Finite real or complex numbers as a complex128 array; errors as in `real_array`."""
    array = _array(name, values, "numbers").astype(np.complex128, copy=False)
    _require_finite(name, array)
    return array


def _array(name: str, values: ArrayLike, wanted: str) -> NDArray[np.generic]:
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name}: expected a rectangular array, got a ragged one") from None
    if array.dtype.kind not in "buifc":
        raise TypeError(f"{name}: expected an array of {wanted}, got {_kind(values, array)}")
    if np.ma.is_masked(values):
        hidden = f"{np.count_nonzero(np.ma.getmask(values))} masked; fill them first"
        raise ValueError(f"{name}: expected an array without masked entries, got {hidden}")
    return array


def _kind(values: object, array: NDArray[np.generic]) -> str:
    """What an array is that does not hold numbers."""
    if isinstance(values, str) or (array.ndim == 0 and array.dtype == object):
        return type(values).__name__
    if array.dtype != object:
        return f"dtype {array.dtype}"
    if array.size == 0:
        return "an empty array of objects"
    no_numbers = (entry for entry in array.flat if not isinstance(entry, numbers.Real))
    return f"an array of objects (such as {type(next(no_numbers, array.flat[0])).__name__})"


def _require_finite(name: str, array: NDArray[np.float64] | NDArray[np.complex128]) -> None:
    bad = array.size - int(np.count_nonzero(np.isfinite(array)))
    if bad:
        raise ValueError(f"{name}: expected finite numbers, got {bad} that are NaN or infinite")


def require_axes(name: str, array: NDArray[np.float64], most: int = MAX_AXES) -> None:
    """Raise a ``ValueError`` unless an array has 1 to `most` axes (2 or more)."""
    if not 1 <= array.ndim <= most:
        counts = f"{', '.join(map(str, range(1, most)))} or {most}"
        raise ValueError(f"{name}: expected {counts} axes, got {array.ndim} (shape {array.shape})")


def image_and_kernel(
    image: ArrayLike, kernel: ArrayLike, *, name: str = "kernel", most_axes: int = MAX_AXES
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Check an image, and a kernel (or what the caller calls it) of as many axes.

    Raises:
        TypeError: Complex numbers, or no numbers at all.
        ValueError: What `real_array` refuses, or the wrong number of axes.
    """
    x, k = real_array("image", image), real_array(name, kernel)
    require_axes("image", x, most_axes)
    if k.ndim != x.ndim:
        raise ValueError(
            f"{name}: expected as many axes as the image, {x.ndim}, got {k.ndim} (shape {k.shape})"
        )
    return x, k


def one_of(name: str, value: object, choices: Collection[str]) -> str:
    """The value if it is one of the choices; a ``ValueError`` that lists them otherwise."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(map(repr, choices))}, got {value!r}")
    return value


def real_number(name: str, value: object) -> float:
    """A finite real number as a float; a ``TypeError`` or (NaN, infinity) a ``ValueError``."""
    if not isinstance(value, numbers.Real | np.bool_):
        raise TypeError(f"{name}: expected a real number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = np.inf
    if not np.isfinite(number):
        raise ValueError(f"{name}: expected a finite number, got {value!r}")
    return number


def positive_number(name: str, value: object) -> float:
    """A finite real number above 0, as a float; errors as in `real_number`."""
    number = real_number(name, value)
    if number <= 0:
        raise ValueError(f"{name}: expected a number > 0, got {value!r}")
    return number


def non_negative_number(name: str, value: object) -> float:
    """A finite real number of at least 0, as a float; errors as in `real_number`."""
    number = real_number(name, value)
    if number < 0:
        raise ValueError(f"{name}: expected a number >= 0, got {value!r}")
    return number


def whole_number(name: str, value: object, minimum: int) -> int:
    """An integer of at least `minimum`, as an int.

    Raises:
        TypeError: Not an integer (1.5, 3.0, True and "many" are not).
        ValueError: Below the minimum.
    """
    wrong = f"{name}: expected a whole number >= {minimum}, got {value!r}"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(wrong)
    if value < minimum:
        raise ValueError(wrong)
    return int(value)


def pair(name: str, value: object, minimum: int, also: str = "") -> tuple[int, int]:
    """Two integers of at least `minimum`; one alone stands for both.

    Args:
        name: The argument's name.
        value: An integer, or a tuple or list of two.
        minimum: The least that is allowed.
        also: What else the caller accepts, for the message.

    Raises:
        TypeError: Neither an integer nor a tuple or list of integers.
        ValueError: Below the minimum, or not two of them.
    """
    wrong = f"{name}: expected a whole number >= {minimum} or a pair of them{also}, got {value!r}"
    both = value if isinstance(value, tuple | list) else (value, value)
    try:
        checked = [whole_number(name, number, minimum) for number in both]
    except (TypeError, ValueError) as error:
        raise type(error)(wrong) from None
    if len(checked) != 2:
        raise ValueError(wrong)
    return checked[0], checked[1]


def true_or_false(name: str, value: object) -> bool:
    """A truth value as a bool; a ``TypeError`` for anything else."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}: expected True or False, got {value!r}")
    return bool(value)


def grid_shape(name: str, value: object) -> tuple[int, ...]:
    """The shape of an image with 1, 2 or 3 axes, as a tuple of ints.

    Raises:
        TypeError: Not a tuple or list of integers.
        ValueError: The wrong number of axes, or an axis without a pixel.
    """
    wrong = f"{name}: expected 1, 2 or 3 whole numbers >= 1, got {value!r}"
    if not isinstance(value, tuple | list):
        raise TypeError(wrong)
    try:
        shape = tuple(whole_number(name, length, 1) for length in value)
    except (TypeError, ValueError) as error:
        raise type(error)(wrong) from None
    if not 1 <= len(shape) <= MAX_AXES:
        raise ValueError(wrong)
    return shape


def generator(seed: object) -> np.random.RandomState:
    """Make the one random generator of a call; the caller's own bits if it is a ``Generator``.

    A ``RandomState``, because NumPy guarantees that its numbers do not change from one version to
    the next, and gives no such guarantee for a ``Generator``.

    Raises:
        TypeError: Neither an integer, a ``SeedSequence``, a ``Generator`` nor None.
        ValueError: A negative integer.
    """
    if isinstance(seed, np.random.Generator):
        return np.random.RandomState(seed.bit_generator)
    if seed is None or isinstance(seed, np.random.SeedSequence):
        return np.random.RandomState(np.random.PCG64(seed))
    try:
        return np.random.RandomState(np.random.PCG64(whole_number("seed", seed, 0)))
    except TypeError:
        raise TypeError(
            f"seed: expected a whole number >= 0, a SeedSequence, a Generator or None, got {seed!r}"
        ) from None
