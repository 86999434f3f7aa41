"""Named kernels, with options, in one to three axes.

All kernels are written for true convolution, which flips the kernel. Derivative kernels give
positive values where brightness increases along their axis. ``x`` is the last axis, ``y`` the axis
before it, and ``z`` the first axis of a volume.

Kernels of filters that SciPy has are computed by SciPy, as the filter's response to one bright
pixel. They therefore reproduce the filters of ``scipy.ndimage``, except for the boundary.
"""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qconv._checks import Numbers, numpy_defaults, one_of, real_number, whole_number

_Array = NDArray[np.float64]

#: One number for all axes, or one for each.
_Sigma = float | Sequence[float]

#: Maximum side of a named kernel with 1, 2 and 3 axes; circuits of larger kernels take minutes to
#: build.
_LARGEST = {1: 65535, 2: 255, 3: 39}

#: Phrases that describe the kernels, by name without the letter of the axis.
_ABOUT = {
    "identity": "unchanged picture",
    "box": "mean of the pixels",
    "gaussian": "gaussian; without sigma, binomial coefficients",
    "edge": "pixel minus the mean of its window, times size**2",
    "laplacian": "sum of the second differences",
    "sharpen": "identity minus laplacian",
    "sobel-": "difference along an axis, smoothed across by 1, 2, 1",
    "prewitt-": "as sobel, smoothed by 1, 1, 1",
    "scharr-": "as sobel, smoothed by 3, 10, 3 and divided by 16",
    "emboss": "relief, lit from a corner",
    "gaussian-": "derivative of a gaussian along an axis",
    "laplacian-of-gaussian": "sum of the second derivatives of a gaussian",
    "difference-of-gaussians": "gaussian minus a wider gaussian",
    "disk": "mean within a radius",
    "motion": "mean along a line",
    "unsharp": "sharpening by a gaussian",
    "gabor": "complex wave under a gaussian",
}

#: Names of the last, the second to last and the third to last axis.
_AXES = "xyz"


def _side(size: int | None, ndim: int, default: int = 3) -> int:
    """Check the side of a kernel."""
    side = default if size is None else whole_number(size, "size", 1, _LARGEST[ndim])
    if side % 2 == 0:
        raise ValueError(f"size: expected an odd number, got {side}; a kernel requires a centre")
    return side


def _impulse(radii: Sequence[int]) -> _Array:
    """Return a kernel that is 1 at its centre and 0 elsewhere."""
    kernel = np.zeros([2 * radius + 1 for radius in radii])
    kernel[tuple(radii)] = 1.0
    return kernel


def _sigmas(sigma: _Sigma, name: str, ndim: int) -> list[float]:
    """Check standard deviations, one per axis."""
    several = isinstance(sigma, Sequence | np.ndarray) and not isinstance(sigma, str)
    given: list[Any] = list(sigma) if several else [sigma] * ndim  # type: ignore[arg-type]
    if len(given) != ndim:
        raise ValueError(f"{name}: expected one number or {ndim}, got {sigma!r}")
    checked = [real_number(one, name) for one in given]
    if min(checked) < 0:
        raise ValueError(f"{name}: expected numbers >= 0, got {sigma!r}")
    return checked


def _radii(sigmas: list[float], size: int | None, truncate: float) -> list[int]:
    """Return the number of positions on each side of the centre, per axis."""
    ndim = len(sigmas)
    if size is not None:
        return [_side(size, ndim) // 2] * ndim
    reach = _positive(truncate, "truncate")
    radii = [int(min(reach * sigma, 1e9) + 0.5) for sigma in sigmas]
    if 2 * max(radii) + 1 > _LARGEST[ndim]:
        raise ValueError(
            f"sigma: expected a kernel with sides of at most {_LARGEST[ndim]}, got "
            f"{2 * max(radii) + 1}; reduce sigma, or set size or truncate"
        )
    return radii


def _smoothed(
    sigmas: list[float], radii: list[int], order: int | Sequence[int] = 0
) -> NDArray[np.float64]:
    """Return the response of ``scipy.ndimage.gaussian_filter`` to one bright pixel."""
    from scipy.ndimage import gaussian_filter

    kernel: _Array = gaussian_filter(_impulse(radii), sigmas, order, mode="constant", radius=radii)
    return kernel


def _identity(*, size: int | None = None, ndim: int) -> _Array:
    """Return a kernel that leaves the image unchanged."""
    return _impulse([_side(size, ndim) // 2] * ndim)


def _box(*, size: int | None = None, ndim: int) -> _Array:
    """Return a kernel that computes the mean of its pixels."""
    side = _side(size, ndim)
    return np.full([side] * ndim, 1.0 / side**ndim)


def _gaussian(
    *,
    size: int | None = None,
    sigma: _Sigma | None = None,
    truncate: float | None = None,
    ndim: int,
) -> _Array:
    """Return a gaussian; without sigma, binomial coefficients."""
    if sigma is not None:
        sigmas = _sigmas(sigma, "sigma", ndim)
        return _smoothed(sigmas, _radii(sigmas, size, 4.0 if truncate is None else truncate))
    if truncate is not None:
        raise ValueError(f"truncate: expected sigma too, got truncate={truncate!r} alone")
    row = np.array([1.0])
    for _ in range(_side(size, ndim) - 1):
        row = np.convolve(row, [0.5, 0.5])
    return _outer([row / row.sum()] * ndim)


def _outer(rows: Sequence[_Array]) -> _Array:
    """Return the outer product of one-dimensional kernels."""
    product: Any = np.ones(())
    for row in rows:
        product = product[..., np.newaxis] * row
    return np.asarray(product)


def _edge(*, size: int | None = None, ndim: int) -> _Array:
    """Return a kernel that subtracts the sum of its pixels from their number times the centre."""
    side = _side(size, ndim)
    return np.asarray(side**ndim * _impulse([side // 2] * ndim) - 1.0)


def _laplacian(*, ndim: int) -> _Array:
    """Return a kernel that computes the sum of the second differences."""
    from scipy.ndimage import laplace

    return np.asarray(laplace(_impulse([1] * ndim), mode="constant"))


def _sharpen(*, ndim: int) -> _Array:
    """Return the identity minus the laplacian."""
    return _impulse([1] * ndim) - _laplacian(ndim=ndim)


def _emboss(*, ndim: int) -> _Array:
    """Return a kernel that makes a relief, lit from one corner."""
    _require_plane("emboss", ndim)
    return np.array([[-2.0, -1, 0], [-1, 1, 1], [0, 1, 2]])


def _require_plane(name: str, ndim: int) -> None:
    if ndim != 2:
        raise ValueError(f"ndim: expected 2 for {name}, got {ndim}")


def _derivative(name: str, edge: list[float], smooth: list[float], *, ndim: int) -> _Array:
    """Return a difference along one axis and a weighted mean along the others."""
    along = _axis(name, ndim)
    return _outer([np.array(edge if axis == along else smooth) for axis in range(ndim)])


def _axis(name: str, ndim: int) -> int:
    """Return the axis that the last letter of a name means."""
    number = _AXES.index(name[-1])
    if number >= ndim:
        raise ValueError(f"ndim: expected at least {number + 1} for {name}, got {ndim}")
    return ndim - 1 - number


def _gaussian_derivative(
    name: str, *, size: int | None = None, sigma: _Sigma = 1.0, truncate: float = 4.0, ndim: int
) -> _Array:
    """Return the derivative of a gaussian along one axis."""
    sigmas, along = _sigmas(sigma, "sigma", ndim), _axis(name, ndim)
    if sigmas[along] == 0:
        raise ValueError(f"sigma: expected numbers above 0 for {name}, got {sigma!r}")
    order = [int(axis == along) for axis in range(ndim)]
    return _smoothed(sigmas, _radii(sigmas, size, truncate), order)


def _laplacian_of_gaussian(
    *, size: int | None = None, sigma: _Sigma = 1.0, truncate: float = 4.0, ndim: int
) -> _Array:
    """Return the sum of the second derivatives of a gaussian."""
    sigmas = _sigmas(sigma, "sigma", ndim)
    if min(sigmas) == 0:
        raise ValueError(
            f"sigma: expected numbers above 0 for laplacian-of-gaussian, got {sigma!r}"
        )
    radii = _radii(sigmas, size, truncate)
    orders = 2 * np.eye(ndim, dtype=int)
    parts = [_smoothed(sigmas, radii, order.tolist()) for order in orders]
    return np.asarray(np.sum(parts, axis=0))


def _difference_of_gaussians(
    *,
    size: int | None = None,
    sigma: _Sigma = 1.0,
    high_sigma: _Sigma | None = None,
    truncate: float = 4.0,
    ndim: int,
) -> _Array:
    """Return a gaussian minus a wider gaussian, by default 1.6 times as wide."""
    low = _sigmas(sigma, "sigma", ndim)
    high = [1.6 * one for one in low]
    if high_sigma is not None:
        high = _sigmas(high_sigma, "high_sigma", ndim)
    if any(wide < narrow for narrow, wide in zip(low, high, strict=True)):
        raise ValueError(f"high_sigma: expected at least sigma, {sigma!r}, got {high_sigma!r}")
    wide = _smoothed(high, _radii(high, size, truncate))
    narrow = _smoothed(low, _radii(low, size, truncate))
    margins = [(n - m) // 2 for n, m in zip(wide.shape, narrow.shape, strict=True)]
    return np.pad(narrow, [(margin, margin) for margin in margins]) - wide


def _disk(*, size: int | None = None, radius: float | None = None, ndim: int) -> _Array:
    """Return a kernel that computes the mean of all pixels within a radius, by default 1."""
    if radius is None:
        reach: float = _side(size, ndim) // 2
    elif size is not None:
        raise ValueError(f"size: expected no value together with radius, got {size}")
    else:
        reach = real_number(radius, "radius")
    if not 0 <= reach <= _LARGEST[ndim] // 2:
        raise ValueError(
            f"radius: expected a number from 0 to {_LARGEST[ndim] // 2}, got {radius!r}"
        )
    along = np.arange(-int(reach), int(reach) + 1.0)
    squares = sum(np.ix_(*[along**2] * ndim), np.zeros([1] * ndim))
    inside = (squares <= reach**2).astype(np.float64)
    return np.asarray(inside / inside.sum())


def _motion(*, size: int | None = None, angle: float = 0.0, ndim: int) -> _Array:
    """Return a kernel that averages along a line; the angle is in degrees, from x to the top."""
    _require_plane("motion", ndim)
    radius = _side(size, ndim, 9) // 2
    turn = math.radians(real_number(angle, "angle"))
    y, x = np.mgrid[radius : -radius - 1 : -1, -radius : radius + 1].astype(np.float64)
    along = np.clip(x * math.cos(turn) + y * math.sin(turn), -radius, radius)
    distance = np.hypot(x - along * math.cos(turn), y - along * math.sin(turn))
    line = np.maximum(0, 1 - distance)
    line[line < 1e-12] = 0  # of a distance of 1, up to rounding
    for axis in range(2):
        used = np.flatnonzero(line.any(axis=1 - axis))
        line = line.take(range(used[0], used[-1] + 1), axis)
    return np.asarray(line / line.sum())


def _unsharp(
    *,
    size: int | None = None,
    sigma: _Sigma = 1.0,
    amount: float = 1.0,
    truncate: float = 4.0,
    ndim: int,
) -> _Array:
    """Return the identity plus a multiple of its difference from a gaussian."""
    sigmas = _sigmas(sigma, "sigma", ndim)
    radii = _radii(sigmas, size, truncate)
    weight = real_number(amount, "amount")
    return (1 + weight) * _impulse(radii) - weight * _smoothed(sigmas, radii)


def _gabor(
    *,
    frequency: float = 0.25,
    theta: float = 0.0,
    bandwidth: float = 1.0,
    sigma: float | None = None,
    sigma_x: float | None = None,
    sigma_y: float | None = None,
    truncate: float = 3.0,
    offset: float = 0.0,
    ndim: int,
) -> Numbers:
    """Return a complex wave under a gaussian, as ``skimage.filters.gabor_kernel`` does."""
    _require_plane("gabor", ndim)
    pitch, octaves, reach = (
        _positive(value, name)
        for value, name in (
            (frequency, "frequency"),
            (bandwidth, "bandwidth"),
            (truncate, "truncate"),
        )
    )
    if sigma is not None and not sigma_x is sigma_y is None:
        raise ValueError(f"sigma: expected no value together with sigma_x and sigma_y, got {sigma}")
    # A gaussian falls to one half at frequencies that are this number of octaves apart.
    ratio = (2**octaves + 1) / (2**octaves - 1)
    usual = math.sqrt(math.log(2) / 2) / math.pi * ratio / pitch
    along, across = (
        _positive(one if one is not None else sigma if sigma is not None else usual, name)
        for one, name in ((sigma_x, "sigma_x"), (sigma_y, "sigma_y"))
    )
    turn, phase = real_number(theta, "theta"), real_number(offset, "offset")
    cosine, sine = math.cos(turn), math.sin(turn)
    radii = [
        math.ceil(max(1, abs(reach * one * cosine), abs(reach * other * sine)))
        for one, other in ((across, along), (along, across))
    ]
    if 2 * max(radii) + 1 > _LARGEST[2]:
        raise ValueError(
            f"frequency: expected a kernel with sides of at most {_LARGEST[2]}, got "
            f"{2 * max(radii) + 1}; reduce sigma or truncate, or increase frequency"
        )
    y, x = np.ogrid[-radii[0] : radii[0] + 1, -radii[1] : radii[1] + 1]
    u, v = x * cosine + y * sine, y * cosine - x * sine
    wave = np.exp(1j * (2 * math.pi * pitch * u + phase))
    envelope = np.exp(-((u / along) ** 2 + (v / across) ** 2) / 2)
    return np.asarray(wave * envelope / (2 * math.pi * along * across))


def _positive(value: object, name: str) -> float:
    """Check a number above 0."""
    found = real_number(value, name)
    if found <= 0:
        raise ValueError(f"{name}: expected a number above 0, got {value!r}")
    return found


#: Differences and weights of the derivatives, as in scipy.ndimage and, for scharr, scikit-image.
_DERIVATIVES = {
    "sobel": ([1.0, 0.0, -1.0], [1.0, 2.0, 1.0]),
    "prewitt": ([1.0, 0.0, -1.0], [1.0, 1.0, 1.0]),
    "scharr": ([1.0, 0.0, -1.0], [3 / 16, 10 / 16, 3 / 16]),
}

#: Functions that make the kernels, by name.
_MAKERS: dict[str, Callable[..., Numbers]] = {
    "identity": _identity,
    "box": _box,
    "gaussian": _gaussian,
    "edge": _edge,
    "laplacian": _laplacian,
    "sharpen": _sharpen,
    **{
        f"{name}-{axis}": partial(_derivative, f"{name}-{axis}", *weights)
        for name, weights in _DERIVATIVES.items()
        for axis in _AXES
    },
    "emboss": _emboss,
    **{f"gaussian-{axis}": partial(_gaussian_derivative, f"gaussian-{axis}") for axis in _AXES},
    "laplacian-of-gaussian": _laplacian_of_gaussian,
    "difference-of-gaussians": _difference_of_gaussians,
    "disk": _disk,
    "motion": _motion,
    "unsharp": _unsharp,
    "gabor": _gabor,
}

#: Names that `named_kernel` accepts.
KERNEL_NAMES: tuple[str, ...] = tuple(_MAKERS)


def kernel_options(name: str) -> tuple[str, ...]:
    """Return the names of the options of a named kernel."""
    parameters = inspect.signature(_MAKERS[name]).parameters.values()
    return tuple(part.name for part in parameters if part.kind is part.KEYWORD_ONLY)


def similar_kernels(name: object) -> str:
    """Return a hint with the kernels that an unknown name may mean; empty if there are none.

    An unknown name may be a name with a typing error or in capital letters, or the beginning, the
    initials or another part of a name.
    """
    if not isinstance(name, str) or not name:
        return ""
    initials = {known: "".join(word[0] for word in known.split("-")) for known in KERNEL_NAMES}
    name = name.lower()
    found = [known for known in KERNEL_NAMES if known == name]
    found = found or [known for known in KERNEL_NAMES if known.startswith(name)]
    found = found or [known for known in KERNEL_NAMES if initials[known] == name]
    found = found or [known for known in KERNEL_NAMES if name in known]
    found = found or difflib.get_close_matches(name, KERNEL_NAMES, n=1, cutoff=0.7)
    return f"; perhaps {' or '.join(found)}?" if found else ""


def describe_kernel(name: str) -> str:
    """Return a phrase that describes a named kernel."""
    if name in _ABOUT:
        return _ABOUT[name]
    return _ABOUT[name[:-1]]


@numpy_defaults
def named_kernel(name: str, size: int | None = None, **options: Any) -> Numbers:
    """Return a well-known kernel.

    ==============================================  =============================================
    name                                            options, with defaults, besides ``ndim``
    ==============================================  =============================================
    ``identity``, ``box``, ``edge``                 ``size=3``
    ``gaussian``                                    ``sigma``, ``truncate=4``, ``size``
    ``gaussian-x``, ``gaussian-y``, ``gaussian-z``  ``sigma=1``, ``truncate=4``, ``size``
    ``laplacian-of-gaussian``                       ``sigma=1``, ``truncate=4``, ``size``
    ``difference-of-gaussians``                     ``sigma=1``, ``high_sigma=1.6 * sigma``,
                                                    ``truncate=4``, ``size``
    ``unsharp``                                     ``sigma=1``, ``amount=1``, ``truncate=4``,
                                                    ``size``
    ``sobel-x``, ``sobel-y``, ``sobel-z``
    ``prewitt-x``, ``prewitt-y``, ``prewitt-z``
    ``scharr-x``, ``scharr-y``, ``scharr-z``
    ``laplacian``, ``sharpen``, ``emboss``
    ``disk``                                        ``radius=1`` or ``size``
    ``motion``                                      ``size=9``, ``angle=0``
    ``gabor``                                       ``frequency=0.25``, ``theta=0``,
                                                    ``bandwidth=1`` or ``sigma`` or ``sigma_x``
                                                    and ``sigma_y``, ``truncate=3``, ``offset=0``
    ==============================================  =============================================

    With the same ``sigma`` and ``truncate``, the kernels reproduce these filters:
    ``gaussian_filter`` (with derivatives) and ``gaussian_laplace`` of ``scipy.ndimage``, and
    ``difference_of_gaussians`` and ``unsharp_mask`` of ``skimage.filters``. ``sobel``, ``prewitt``
    and ``laplacian`` reproduce the filters of ``scipy.ndimage``, and ``scharr`` reproduces the
    filter of ``skimage.filters``. ``gabor`` equals
    ``skimage.filters.gabor_kernel`` with ``n_stds=truncate``. ``x`` is the last axis.

    Args:
        name: Name of the kernel. ``box``, ``gaussian``, ``disk`` and ``motion`` sum to 1.
            ``edge`` is ``size**2 - 1`` at the centre and -1 elsewhere.
        size: Odd side length; None for the default of the kernel. ``gaussian`` without ``sigma``
            consists of binomial coefficients, of size 3 by default. With ``sigma``, the default
            size is ``2 * round(truncate * sigma) + 1``.
        options: ``ndim`` is the number of axes, 2 by default (3 for names with ``z``). ``sigma`` is
            the standard deviation in pixels, one number or one per axis. ``amount`` is the strength
            of sharpening. ``radius`` is in pixels. ``angle`` is in degrees, counter-clockwise from
            the ``x`` axis. ``gabor`` is a wave of ``frequency`` cycles per pixel in the direction
            ``theta``, in radians from the ``x`` axis towards ``y``. Its gaussian has the standard
            deviation ``sigma_x`` along the wave and ``sigma_y`` across it. If they are not given,
            they follow from ``bandwidth``, in octaves. ``offset`` is the phase at the centre, in
            radians.

    Returns:
        Array with ``ndim`` axes, complex for ``gabor`` and real for all others.

    Raises:
        TypeError: If the kernel does not have an option, or an option is of the wrong type.
        ValueError: If the name is unknown, or the kernel does not exist with these options.

    Example:
        >>> import qconv
        >>> qconv.named_kernel("edge")
        array([[-1., -1., -1.],
               [-1.,  8., -1.],
               [-1., -1., -1.]])
        >>> qconv.named_kernel("gaussian", 5)[2] * 256
        array([ 6., 24., 36., 24.,  6.])
        >>> qconv.named_kernel("gaussian", sigma=2).shape
        (17, 17)
        >>> qconv.named_kernel("sobel-x", ndim=1)
        array([ 1.,  0., -1.])
    """
    one_of(name, "kernel", KERNEL_NAMES, similar_kernels(name))
    known = kernel_options(name)
    for option in options:
        if option not in known:
            raise TypeError(f"{option}: unexpected option of {name!r}; expected {', '.join(known)}")
    default = 3 if name.endswith("-z") else 2
    options["ndim"] = whole_number(options.get("ndim", default), "ndim", 1, 3)
    if "size" in known:
        options["size"] = size
    elif _side(size, options["ndim"]) != 3:
        raise ValueError(f"size: {name} exists as 3 x 3 only, got {size}")
    return _MAKERS[name](**options)
