"""Argument checks. Every error names the argument, what was expected and what was given."""

import numbers
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Decorator of public functions: restores NumPy's default handling of floating-point errors,
#: whatever settings the caller has chosen.
numpy_defaults = np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")

MAX_AXES = 3

Seed = int | np.random.SeedSequence | np.random.Generator | None


def real_array(
    name: str, values: ArrayLike, *, finite: bool = True, empty: bool = False
) -> NDArray[np.float64]:
    """Convert real numbers to a float64 array; a float64 array is returned without a copy.

    Raises:
        TypeError: If the values are complex or not numbers.
        ValueError: If nested lists have unequal lengths or entries are masked. Empty arrays are
            rejected unless `empty` is True, and NaN and infinity if `finite` is True.
    """
    array = _array(name, values, "real numbers")
    if array.dtype.kind == "c":
        raise TypeError(f"{name}: expected real numbers, got complex ones ({array.dtype})")
    return _of_type(name, array, np.float64, finite=finite, empty=empty)


def number_array(
    name: str, values: ArrayLike, *, finite: bool = True, empty: bool = False
) -> NDArray[Any]:
    """Convert numbers to a float64 array, or a complex128 array if they are complex.

    Raises:
        TypeError: If the values are not numbers.
        ValueError: If `real_array` would raise it.
    """
    array = _array(name, values, "numbers")
    if array.dtype.kind != "c":
        return real_array(name, values, finite=finite, empty=empty)
    return _of_type(name, array, np.complex128, finite=finite, empty=empty)


def complex_array(name: str, values: ArrayLike) -> NDArray[np.complex128]:
    """Convert finite real or complex numbers to a complex128 array; errors as in `real_array`."""
    array = _array(name, values, "numbers")
    return _of_type(name, array, np.complex128, finite=True, empty=True)


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


def _of_type(
    name: str, array: NDArray[Any], kind: type, *, finite: bool, empty: bool
) -> NDArray[Any]:
    """Convert numbers to a type; raise if they are empty or not finite, unless that is allowed."""
    if array.size == 0 and not empty:
        raise ValueError(f"{name}: expected at least one entry, got an empty array {array.shape}")
    with np.errstate(over="ignore"):  # of longer floats; they become infinite
        result: NDArray[Any] = array.astype(kind, copy=False)
    if finite:
        _require_finite(name, result)
    return result


def _kind(values: object, array: NDArray[np.generic]) -> str:
    """Describe an array that does not hold numbers, for an error message."""
    if isinstance(values, str) or (array.ndim == 0 and array.dtype == object):
        return type(values).__name__
    if array.dtype != object:
        return f"dtype {array.dtype}"
    if array.size == 0:
        return "an empty array of objects"
    no_numbers = (entry for entry in array.flat if not isinstance(entry, numbers.Real))
    return f"an array of objects (such as {type(next(no_numbers, array.flat[0])).__name__})"


def _require_finite(name: str, array: NDArray[Any]) -> None:
    bad = array.size - int(np.count_nonzero(np.isfinite(array)))
    if bad:
        raise ValueError(f"{name}: expected finite numbers, got {bad} that are NaN or infinite")


def require_axes(name: str, array: NDArray[Any], most: int = MAX_AXES) -> None:
    """Raise a ``ValueError`` unless an array has 1 to `most` axes; `most` is at least 2."""
    if not 1 <= array.ndim <= most:
        counts = f"{', '.join(map(str, range(1, most)))} or {most}"
        raise ValueError(f"{name}: expected {counts} axes, got {array.ndim} (shape {array.shape})")


def image_and_kernel(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    name: str = "kernel",
    most_axes: int = MAX_AXES,
    real: bool = True,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Check an image and a kernel with the same number of axes.

    Error messages call the kernel `name`. With `real`, complex numbers are rejected.

    Raises:
        TypeError: If image or kernel does not hold numbers, or is complex although `real` is True.
        ValueError: If `real_array` rejects either, or if a number of axes is wrong.
    """
    check = real_array if real else number_array
    x, k = check("image", image), check(name, kernel)
    require_axes("image", x, most_axes)
    if k.ndim != x.ndim:
        raise ValueError(
            f"{name}: expected as many axes as the image, {x.ndim}, got {k.ndim} (shape {k.shape})"
        )
    return x, k


def one_of(name: str, value: object, choices: Collection[str]) -> str:
    """Return the value if it is one of the choices; otherwise raise a ``ValueError``."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(map(repr, choices))}, got {value!r}")
    return value


def real_number(name: str, value: object) -> float:
    """Convert a finite real number to a float.

    Raises:
        TypeError: If the value is not a real number.
        ValueError: If the value is NaN or infinite.
    """
    if not isinstance(value, numbers.Real | np.bool_) or isinstance(value, np.timedelta64):
        raise TypeError(f"{name}: expected a real number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = np.inf
    if not np.isfinite(number):
        raise ValueError(f"{name}: expected a finite number, got {value!r}")
    return number


def number(name: str, value: object) -> float | complex:
    """Convert a finite number to a float, or to a complex number if it is complex.

    An array or a list with one entry counts as its entry, as in ``scipy.signal.convolve2d``.

    Raises:
        TypeError: If the value is not a number.
        ValueError: If the value is NaN, infinite or masked, or has no entry or several.
    """
    if isinstance(value, list | tuple | np.ndarray):
        listed = np.array(value, dtype=object).ravel()
        if listed.size != 1 or np.ma.is_masked(value):
            found = "a masked one" if listed.size == 1 else f"{listed.size} numbers"
            raise ValueError(f"{name}: expected one number, got {found}")
        value = listed[0]
    if not isinstance(value, numbers.Complex) or isinstance(value, numbers.Real):
        return real_number(name, value)
    if not np.isfinite(complex(value)):
        raise ValueError(f"{name}: expected a finite number, got {value!r}")
    return complex(value)


def positive_number(name: str, value: object) -> float:
    """Convert a positive, finite real number to a float; errors as in `real_number`."""
    number = real_number(name, value)
    if number <= 0:
        raise ValueError(f"{name}: expected a number > 0, got {value!r}")
    return number


def non_negative_number(name: str, value: object) -> float:
    """Convert a non-negative, finite real number to a float; errors as in `real_number`."""
    number = real_number(name, value)
    if number < 0:
        raise ValueError(f"{name}: expected a number >= 0, got {value!r}")
    return number


def whole_number(name: str, value: object, minimum: int) -> int:
    """Convert an integer of at least `minimum` to an int.

    Raises:
        TypeError: If the value is not an integer; 1.5, 3.0, True and "many" are rejected.
        ValueError: If the value is below the minimum.
    """
    wrong = f"{name}: expected an integer >= {minimum}, got {value!r}"
    if isinstance(value, bool | np.timedelta64) or not isinstance(value, numbers.Integral):
        raise TypeError(wrong)
    if value < minimum:
        raise ValueError(wrong)
    return int(value)


def shot_number(name: str, value: object) -> int:
    """Convert a number of shots, an integer or a float such as 1e6, to an int of at least 1.

    Raises:
        TypeError: If the value is not an integer; 1.5, True and "many" are rejected.
        ValueError: If the value is below 1.
    """
    integral = isinstance(value, float) and value.is_integer()
    return whole_number(name, int(value) if integral else value, 1)  # type: ignore[call-overload]


def pair(name: str, value: object, minimum: int, also: str = "") -> tuple[int, int]:
    """Convert a value to a pair of integers; a single integer is used for both.

    Args:
        name: Name of the argument, for error messages.
        value: Integer, or tuple or list of two integers.
        minimum: Smallest allowed integer.
        also: Other values that the caller accepts, appended to the error message.

    Raises:
        TypeError: If the value is neither an integer nor a tuple or list of integers.
        ValueError: If an integer is below the minimum, or the number of integers is not two.
    """
    wrong = f"{name}: expected an integer >= {minimum} or a pair of them{also}, got {value!r}"
    both = value if isinstance(value, tuple | list) else (value, value)
    try:
        checked = [whole_number(name, number, minimum) for number in both]
    except (TypeError, ValueError) as error:
        raise type(error)(wrong) from None
    if len(checked) != 2:
        raise ValueError(wrong)
    return checked[0], checked[1]


def true_or_false(name: str, value: object) -> bool:
    """Convert a Python or NumPy bool to a bool; raise a ``TypeError`` for anything else."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}: expected True or False, got {value!r}")
    return bool(value)


def grid_shape(name: str, value: object) -> tuple[int, ...]:
    """Convert the shape of an image with 1, 2 or 3 axes to a tuple of ints.

    Raises:
        TypeError: If the value is not a tuple or list of integers.
        ValueError: If the number of axes is wrong or an axis has no pixels.
    """
    wrong = f"{name}: expected 1, 2 or 3 integers >= 1, got {value!r}"
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
    """Create the random generator of a call.

    If the seed is a ``Generator``, its own bit generator is used. The result is a ``RandomState``,
    because NumPy guarantees that its random numbers are the same in every version. NumPy gives no
    such guarantee for a ``Generator``.

    Raises:
        TypeError: If the seed is neither an integer, a ``SeedSequence``, a ``Generator`` nor None.
        ValueError: If the seed is a negative integer.
    """
    if isinstance(seed, np.random.Generator):
        return np.random.RandomState(seed.bit_generator)
    if seed is None or isinstance(seed, np.random.SeedSequence):
        return np.random.RandomState(np.random.PCG64(seed))
    try:
        return np.random.RandomState(np.random.PCG64(whole_number("seed", seed, 0)))
    except TypeError:
        raise TypeError(
            f"seed: expected an integer >= 0, a SeedSequence, a Generator or None, got {seed!r}"
        ) from None
