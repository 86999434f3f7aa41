"""Transfer functions for `qconv.filter_frequencies`: propagation, displacement, smoothing, Gabor.

Every function returns one factor per frequency, in the order of ``numpy.fft.fftn``, with magnitudes
of at most 1. Frequencies ``f`` are in cycles per pixel, from -1/2 to 1/2. Lengths are in pixels
unless stated otherwise.

Factors of magnitude 1 (`fresnel`, `free_particle`, `shift`) are unitary: every execution of the
circuit succeeds. Their phases are quadratic or linear in the frequency, so a circuit needs no more
than ``n (n - 1)`` CX per axis of ``2**n`` pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qconv._checks import numpy_defaults, real_array, real_number, whole_number

_Array = NDArray[np.float64]
_Spectrum = NDArray[np.complex128]

__all__ = ["free_particle", "fresnel", "gabor", "gaussian", "hilbert", "riesz", "shift"]


@numpy_defaults
def fresnel(
    shape: Sequence[int], distance: float, wavelength: float, pixel: float = 1.0
) -> _Spectrum:
    """Return the transfer function of light that propagates freely, in the Fresnel approximation.

    The factor is ``exp(-i pi wavelength distance |f / pixel|**2)``. The constant phase
    ``exp(2 pi i distance / wavelength)`` is omitted. The image is the complex field in a plane.

    Args:
        shape: Shape of the image, 1 or 2 axes.
        distance: Distance of propagation; negative to propagate backwards.
        wavelength: Wavelength, in the unit of ``distance``.
        pixel: Side of a pixel, in the unit of ``distance``.

    Returns:
        Complex array of the given shape, with magnitudes 1.

    Raises:
        TypeError: If an argument is not a number, or ``shape`` is not a sequence of integers.
        ValueError: If ``wavelength`` or ``pixel`` is not above 0, or ``shape`` is empty or has a
            length below 1.

    Source:
        Goodman, Introduction to Fourier Optics (2005), section 4.2.

    Example:
        >>> import numpy as np
        >>> import qconv
        >>> slit = np.where(np.abs(np.arange(16) - 8) < 2, 1.0, 0.0)
        >>> transfer = qconv.transfer.fresnel((16,), distance=4.0, wavelength=0.5)
        >>> field = qconv.filter_frequencies(slit, transfer, shots=None)
        >>> bool(np.isclose((np.abs(field.image) ** 2).sum(), 3))  # energy is conserved
        True
    """
    z = real_number(distance, "distance")
    length, side = _positive(wavelength, "wavelength"), _positive(pixel, "pixel")
    return _quadratic(shape, math.pi * length * z / side**2)


@numpy_defaults
def free_particle(shape: Sequence[int], time: float, mass: float = 1.0) -> _Spectrum:
    """Return the transfer function of a free quantum particle, with the unit ``hbar = 1``.

    The factor is ``exp(-i |k|**2 time / (2 mass))`` with ``k = 2 pi f``: the solution of the
    Schroedinger equation. The image is the wave function. With imaginary time, this is the
    factor of a diffusion, see `gaussian` with ``sigma = sqrt(time / mass)``.

    Args:
        shape: Shape of the image, 1, 2 or 3 axes.
        time: Duration; negative to run backwards.
        mass: Mass of the particle, above 0.

    Returns:
        Complex array of the given shape, with magnitudes 1.

    Raises:
        TypeError: If an argument is not a number, or ``shape`` is not a sequence of integers.
        ValueError: If ``mass`` is not above 0, or ``shape`` is invalid.
    """
    factor = 2 * math.pi**2 * real_number(time, "time") / _positive(mass, "mass")
    return _quadratic(shape, factor)


@numpy_defaults
def shift(shape: Sequence[int], offset: ArrayLike) -> _Spectrum:
    """Return the transfer function of a displacement, ``exp(-2 pi i f . offset)``.

    Args:
        shape: Shape of the image, 1, 2 or 3 axes.
        offset: Displacement along each axis, in pixels, integers or not.

    Returns:
        Complex array of the given shape, with magnitudes 1.

    Raises:
        TypeError: If ``offset`` is not numeric, or ``shape`` is not a sequence of integers.
        ValueError: If ``offset`` does not have one number per axis, or ``shape`` is invalid.
    """
    frequencies = _frequencies(shape)
    by = np.atleast_1d(real_array(offset, "offset"))
    if by.shape != (len(frequencies),):
        raise ValueError(f"offset: expected one number per axis, {len(frequencies)}, got {by.size}")
    turns = sum(f * d for f, d in zip(frequencies, by, strict=True))
    return np.asarray(np.exp(-2j * math.pi * np.asarray(turns)))


@numpy_defaults
def gaussian(shape: Sequence[int], sigma: float | Sequence[float]) -> _Array:
    """Return the transfer function of a Gaussian blur, ``exp(-2 pi**2 |sigma f|**2)``.

    Args:
        shape: Shape of the image, 1, 2 or 3 axes.
        sigma: Standard deviation of the blur in pixels, at least 0: one number, or one per axis.

    Returns:
        Real array of the given shape, a product over the axes.

    Raises:
        TypeError: If ``sigma`` is not numeric, or ``shape`` is not a sequence of integers.
        ValueError: If ``sigma`` is negative or does not have one number per axis, or ``shape`` is
            invalid.
    """
    frequencies = _frequencies(shape)
    widths = real_array(sigma, "sigma")
    if widths.ndim > 1 or widths.size not in (1, len(frequencies)):
        raise ValueError(f"sigma: expected one number, or one per axis, got {widths.size}")
    if widths.min() < 0:
        raise ValueError(f"sigma: expected numbers >= 0, got {widths.min():g}")
    each = zip(frequencies, np.broadcast_to(widths, len(frequencies)), strict=True)
    return np.asarray(np.exp(-2 * math.pi**2 * sum((f * s) ** 2 for f, s in each)))


@numpy_defaults
def gabor(shape: Sequence[int], frequency: float, theta: float = 0.0, *, sigma: float) -> _Array:
    """Return the transfer function of a Gabor filter: a Gaussian around one frequency.

    The response to a picture is complex: its magnitude is the strength of a texture of this
    frequency and direction, and its phase is the position of the texture's crests.

    Args:
        shape: Shape of the image, 2 axes.
        frequency: Frequency of the wave in cycles per pixel, from 0 to 1/2.
        theta: Direction of the wave in radians; 0 along the columns' index, as in scikit-image.
        sigma: Standard deviation of the kernel's envelope in pixels, above 0.

    Returns:
        Real array of the given shape. It is not symmetric, so the result is complex.

    Raises:
        TypeError: If an argument is not a number, or ``shape`` is not a sequence of integers.
        ValueError: If ``frequency`` or ``sigma`` is out of range, or ``shape`` does not have two
            axes.
    """
    rows, columns = _frequencies(shape, axes=(2,))
    pitch, width = real_number(frequency, "frequency"), _positive(sigma, "sigma")
    if not 0 <= pitch <= 0.5:
        raise ValueError(f"frequency: expected a number from 0 to 0.5, got {frequency!r}")
    angle = real_number(theta, "theta")
    apart = [rows - pitch * math.sin(angle), columns - pitch * math.cos(angle)]
    apart = [d - np.round(d) for d in apart]  # frequencies are periodic
    return np.asarray(np.exp(-2 * math.pi**2 * width**2 * sum(d**2 for d in apart)))


@numpy_defaults
def riesz(shape: Sequence[int], axis: int = -1) -> _Spectrum:
    """Return the transfer function of the Riesz transform along an axis, ``-i f_axis / |f|``.

    The image and its Riesz transforms along all axes together are the monogenic signal. The squared
    magnitudes of the transfer functions of all axes sum to 1 for every frequency, except for
    frequency 0 and the highest frequency of axes of even length. With one axis, the transform is
    the Hilbert transform.

    Args:
        shape: Shape of the image, 1, 2 or 3 axes.
        axis: Index of the axis.

    Returns:
        Complex array of the given shape. For an axis of even length, the highest frequency is its
        own opposite; its factor is 0, so that the result of a real image is real.

    Raises:
        TypeError: If ``axis`` or a length in ``shape`` is not an integer.
        ValueError: If ``axis`` is out of range, or ``shape`` is invalid.

    Source:
        Felsberg and Sommer, IEEE Trans. Signal Process. 49, 3136 (2001), section III.
    """
    frequencies = _frequencies(shape)
    axis = whole_number(axis, "axis", -len(frequencies), len(frequencies) - 1)
    size = np.sqrt(sum(f**2 for f in frequencies))
    own = np.where(frequencies[axis] == -0.5, 0.0, frequencies[axis])
    zeros = np.zeros(size.shape)
    return np.asarray(-1j * np.divide(own, size, out=zeros, where=size > 0))


def hilbert(length: int) -> _Spectrum:
    """Return the transfer function of the Hilbert transform of a signal, ``-i sign(f)``.

    Signal plus ``i`` times its Hilbert transform is the analytic signal, as
    ``scipy.signal.hilbert`` returns it.

    Args:
        length: Number of samples.

    Returns:
        Complex array of this length; 0 for frequency 0, and for the highest frequency of an even
        length.

    Raises:
        TypeError: If ``length`` is not an integer.
        ValueError: If ``length`` is below 1.
    """
    return riesz((length,))


def _quadratic(shape: Sequence[int], factor: float) -> _Spectrum:
    """Return ``exp(-i factor |f|**2)``."""
    square = sum(f**2 for f in _frequencies(shape))
    return np.exp(-1j * factor * np.asarray(square))


def _frequencies(shape: Sequence[int], axes: tuple[int, ...] = (1, 2, 3)) -> list[_Array]:
    """Return the frequencies along each axis in cycles per pixel, shaped for broadcasting."""
    try:
        lengths = [whole_number(length, "shape", 1) for length in shape]
    except TypeError:
        raise TypeError(f"shape: expected a sequence of integers, got {shape!r}") from None
    if len(lengths) not in axes:
        expected = " or ".join(map(str, axes))
        raise ValueError(f"shape: expected {expected} axes, got {len(lengths)}")
    return list(np.meshgrid(*map(np.fft.fftfreq, lengths), indexing="ij", sparse=True))


def _positive(value: object, name: str) -> float:
    """Convert to a finite ``float`` above 0."""
    found = real_number(value, name)
    if found <= 0:
        raise ValueError(f"{name}: expected a number > 0, got {value!r}")
    return found
