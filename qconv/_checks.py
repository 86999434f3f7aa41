"""Checks of arguments, with messages that name the argument, the expectation and the value."""

from __future__ import annotations

import difflib
import inspect
import numbers
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: NumPy's default handling of floating-point errors. Underflow is ignored, because 0 is then the
#: right answer.
NUMPY_DEFAULTS: Mapping[str, Any] = {
    "divide": "warn",
    "over": "warn",
    "under": "ignore",
    "invalid": "warn",
}

#: Decorator of public functions that applies this handling, whatever the caller has set.
numpy_defaults = np.errstate(**NUMPY_DEFAULTS)

#: Advice for keyword arguments of other libraries, by their names, in every function with sampling
#: options.
_OF_SAMPLING = {
    "rng random_state random_seed generator seed_simulator": "write seed=...",
    "n_shots nshots num_shots n_samples num_samples": "write shots=...",
    "simulator sampler": "write backend=...",
    "device": "write backend=qiskit_aer.AerSimulator(device=...)",
    "tol rtol atol": "write tolerance=..., the standard error that no pixel may exceed",
    "verbose show_progress": "write progress=True",
    "workers n_jobs num_workers": "set the environment variable QCONV_NUM_THREADS",
    "dtype": "results are float64; convert result.image with astype",
    "output out": "the result is returned; result.image is its array",
}

#: Further advice, in functions that convolve an image with a kernel.
_OF_CONVOLUTION = {
    "input in1 array": "write image=...",
    "weights weight in2 filter footprint psf": "write kernel=...",
    "padding_mode": "write boundary=...",
    "constant_values fill_value value": "write fillvalue=...",
    "pad_width": "mode and boundary determine it; the largest result has mode='full'",
    "sigma truncate radius": "write kernel=qconv.named_kernel('gaussian', sigma=...)",
    "size": "write kernel=qconv.named_kernel('box', size=...)",
    "kernel_size": "the shape of the kernel determines it",
    "order": "write kernel=qconv.named_kernel('gaussian-x', sigma=...)",
    "axis": "write axes=..., the axes that are convolved",
    "origin": "shift the kernel by padding one of its sides with zeros",
    "preserve_range": "values keep the unit of the image",
    "multichannel": "write channel_axis=-1",
    "stride strides dilation groups bias": "it is an argument of qconv.conv2d",
    "normalize_kernel normalize": "write kernel=kernel / kernel.sum()",
    "chunks depth": "qconv.distributed.convolve takes Dask arrays",
}


def _by_name(advice: dict[str, str]) -> dict[str, str]:
    return {name: text for names, text in advice.items() for name in names.split()}


_FOR_SAMPLING = _by_name(_OF_SAMPLING)
#: Advice for keyword arguments of other libraries, by name.
FOREIGN = _FOR_SAMPLING | _by_name(_OF_CONVOLUTION)

#: Types that Python accepts as integers, but that do not count anything.
_NOT_WHOLE = (bool, np.bool_, np.timedelta64)

_P = ParamSpec("_P")
_R = TypeVar("_R")


#: Array of real (``float64``) or complex (``complex128``) numbers.
Numbers: TypeAlias = NDArray[Any]


def parts_of_numbers(numbers: Numbers) -> NDArray[np.float64]:
    """Return real numbers unchanged, or the parts of complex ones along a new last axis."""
    if numbers.dtype.kind != "c":
        return numbers
    return np.stack([numbers.real, numbers.imag], axis=-1)


def real_array(value: ArrayLike, name: str, *, finite: bool = True) -> NDArray[np.float64]:
    """Convert to a non-empty real ``float64`` array, without a copy if it is one already.

    Raises:
        TypeError: If ``value`` is complex or not numeric.
        ValueError: If ``value`` is empty, ragged or masked, or if ``finite`` is True and an entry
            is NaN or infinite.
    """
    array = _array(value, name)
    if array.dtype.kind == "c":
        raise TypeError(f"{name}: expected real numbers, got complex ones ({array.dtype})")
    return _of_type(array, value, name, np.float64, finite=finite)


def number_array(value: ArrayLike, name: str, *, finite: bool = True) -> Numbers:
    """Convert to a non-empty array, ``complex128`` if the numbers are complex, else ``float64``.

    Raises:
        TypeError: If ``value`` is not numeric.
        ValueError: If `real_array` would raise it.
    """
    array = _array(value, name)
    kind: type = np.complex128 if array.dtype.kind == "c" else np.float64
    return _of_type(array, value, name, kind, finite=finite)


def _array(value: ArrayLike, name: str) -> NDArray[Any]:
    """Convert to an array of any type; raise if entries are masked or rows differ in length."""
    require_unmasked(value, name)
    try:
        return np.asarray(_plain(value))
    except ValueError:
        raise ValueError(f"{name}: expected a rectangular array, got a ragged one") from None


def _of_type(
    array: NDArray[Any], value: object, name: str, kind: type, *, finite: bool
) -> NDArray[Any]:
    """Convert numbers to a type; raise if the array is not numeric, empty or not finite."""
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{name}: expected an array of real numbers, got {_describe(value, array)}")
    if array.size == 0:
        raise ValueError(f"{name}: expected at least one entry, got an empty array {array.shape}")
    with np.errstate(over="ignore"):  # numbers beyond double precision become infinite
        array = array.astype(kind, copy=False)
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


def require_finite(array: Numbers, name: str) -> None:
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


def largest_magnitude(array: Numbers) -> float:
    """Return the largest magnitude of the entries of a non-empty array."""
    if array.dtype.kind == "c":
        return float(np.abs(array).max())
    return max(float(array.max()), -float(array.min()))


def _describe(value: object, array: NDArray[np.generic]) -> str:
    """Describe an array that does not contain numbers."""
    if isinstance(value, str) or (array.ndim == 0 and array.dtype == object):
        return type(value).__name__
    if array.dtype != object:
        return f"dtype {array.dtype}"
    if array.size == 0:
        return "an empty array of objects"
    no_numbers = [entry for entry in array.flat if not isinstance(entry, numbers.Real)]
    found = f"an array of objects (such as {type((no_numbers or array.flat)[0]).__name__})"
    return found if no_numbers else f"{found}; convert it with numpy.asarray(..., float)"


def one_of(value: object, name: str, choices: Sequence[str], hint: str = "") -> str:
    """Return one of ``choices`` unchanged; raise a ``ValueError`` with a hint for anything else."""
    if not isinstance(value, str) or value not in choices:
        wanted = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name}: expected one of {wanted}, got {value!r}{hint}")
    return value


def real_number(value: object, name: str) -> float:
    """Convert to a finite ``float``.

    Raises:
        TypeError: If ``value`` is not a real number.
        ValueError: If ``value`` is NaN or infinite.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not isinstance(value, numbers.Real | np.bool_) or isinstance(value, np.timedelta64):
        raise TypeError(f"{name}: expected a real number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not np.isfinite(number):
        raise ValueError(f"{name}: expected a finite number, got {value!r}")
    return number


def number(value: object, name: str) -> float | complex:
    """Convert to a finite ``complex`` number, or a ``float`` if it is real.

    An array or a list with one entry is treated like its entry, as in ``scipy.signal.convolve2d``.

    Raises:
        TypeError: If ``value`` is not a number.
        ValueError: If ``value`` is NaN, infinite or masked, or has no entry or several.
    """
    if isinstance(value, np.ndarray | list | tuple):
        require_unmasked(value, name)
        entries = np.asarray(value, dtype=object)  # also of a ragged list
        if entries.size != 1:
            raise ValueError(f"{name}: expected one number, got {entries.size} numbers")
        value = entries.item()
    if isinstance(value, numbers.Real | np.bool_) or not isinstance(value, numbers.Complex):
        return real_number(value, name)
    found = complex(value)
    if not np.isfinite(found):
        raise ValueError(f"{name}: expected a finite number, got {value!r}")
    return found


def whole_number(value: object, name: str, minimum: int, maximum: int = 2**53) -> int:
    """Convert to an ``int`` from ``minimum`` to ``maximum``.

    Raises:
        TypeError: If ``value`` is not an integer; ``True`` and ``1.0`` are not.
        ValueError: If ``value`` is out of range.
    """
    if isinstance(value, _NOT_WHOLE) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}: expected an integer >= {minimum}, got {value!r}")
    number = int(value)
    if number < minimum:
        raise ValueError(f"{name}: expected an integer >= {minimum}, got {value!r}")
    if number > maximum:
        raise ValueError(f"{name}: expected an integer <= {maximum}, got {value!r}")
    return number


def shot_number(value: object, name: str) -> int:
    """Convert a number of executions to an ``int`` of at least 1.

    Numbers such as 1e6 are large, so floats are accepted if they are integers.

    Raises:
        TypeError: If ``value`` is not an integer; ``True`` and ``1.5`` are not.
        ValueError: If ``value`` is out of range.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    return whole_number(value, name, 1)


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


def refuse_foreign(given: Collection[str], *, convolution: bool = False) -> None:
    """Raise a ``TypeError`` with the name to write for a keyword argument of another library.

    Args:
        given: Names of arguments that the function does not have.
        convolution: Whether the function convolves an image with a kernel.
    """
    advice = FOREIGN if convolution else _FOR_SAMPLING
    for name in given:
        if name in advice:
            raise TypeError(f"{name}: unexpected argument; {advice[name]}")


def convolution(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorate a public function that convolves an image with a kernel.

    The decorator applies `numpy_defaults`. It also rejects keyword arguments of other libraries and
    misspelled ones, before Python can report a missing image or kernel.
    """
    parameters = inspect.signature(function).parameters.values()
    own = [each.name for each in parameters if each.kind is not each.VAR_KEYWORD]

    @wraps(function)
    def call(*args: _P.args, **given: _P.kwargs) -> _R:
        others = [name for name in given if name not in own]
        refuse_foreign(others, convolution=True)
        for name in others:
            for similar in difflib.get_close_matches(name, own, n=1, cutoff=0.8):
                raise TypeError(f"{name}: unexpected argument; write {similar}=...")
        with np.errstate(**NUMPY_DEFAULTS):
            return function(*args, **given)

    return call
