"""Convolution as diffusion: repeated steps with one kernel, and the limiting heat kernel."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classical.checks import (
    grid_shape,
    image_and_kernel,
    numpy_defaults,
    one_of,
    positive_number,
    real_number,
    whole_number,
)
from classical.convolution import (
    MODES,
    NO_VALUE,
    boundary_named,
    shifted_images,
    value_outside,
)


@numpy_defaults
def heat_kernel(shape: Sequence[int], time: float, diffusivity: float = 1.0) -> NDArray[np.float64]:
    """Sample the heat kernel on a pixel grid: a particle's distribution after some time.

    The heat kernel solves the diffusion equation ``du/dt = D laplacian(u)`` for a particle that
    starts at the centre of a pixel. It is a Gaussian of variance ``2 D t`` along every axis.

    The Gaussian is sampled at the pixel centres and not integrated over the pixels. Repeated
    convolution adds variances, and integration over pixels would add 1/12 to the variance of every
    kernel. With ``v = 2 D t``, the variance of the samples differs from ``v`` by about
    ``8 pi**2 v**2 exp(-2 pi**2 v)``. This difference is 2e-7 at v = 1 and 1e-3 at v = 1/2, but no
    longer small (0.04) at v = 1/4.

    Args:
        shape: Shape of the kernel, with 1, 2 or 3 axes. The centre is at ``(h - 1) // 2``, as for a
            convolution with mode ``same``. The Gaussian is truncated at the edges. A width of 12
            standard deviations discards 2e-9 of the probability along that axis.
        time: Time since the start, positive, any unit.
        diffusivity: ``D``, positive, in square pixels per unit of time.

    Returns:
        Non-negative kernel of that shape, with sum 1.

    Raises:
        TypeError: If time or diffusivity is not a real number, or the shape is not a tuple or list
            of integers.
        ValueError: If time or diffusivity is not positive, or their product is outside the
            floating-point range. It is also raised if the shape has an empty axis or too many axes.

    Source:
        Einstein, Ann. Phys. 322, 549 (1905), section 4 (diffusion of particles); Lindeberg, J.
        Math. Imaging Vis. 66, 759 (2024), section 2 (sampled and integrated Gaussians).

    Example:
        >>> import classical
        >>> classical.heat_kernel((5,), time=0.5).round(4)
        array([0.0545, 0.2442, 0.4026, 0.2442, 0.0545])
    """
    sizes = grid_shape("shape", shape)
    rate = positive_number("diffusivity", diffusivity)
    variance = 2 * rate * positive_number("time", time)
    if not 0 < variance < np.inf:
        raise ValueError(
            f"time: expected 2 * diffusivity * time to be finite and above 0, got {variance!r}"
        )
    kernel = np.ones(sizes)
    for distance in np.ix_(*(np.arange(h) - (h - 1) // 2 for h in sizes)):
        with np.errstate(over="ignore"):  # exp(-inf) is 0, as intended for a tiny variance
            density = np.exp(-((distance / np.sqrt(variance)) ** 2) / 2)
        kernel *= density / density.sum()
    return kernel


@numpy_defaults
def diffuse(
    image: ArrayLike,
    kernel: ArrayLike,
    steps: int,
    *,
    mode: str = "same",
    boundary: str = "fill",
    fillvalue: float = NO_VALUE,
    cval: float | None = None,
) -> NDArray[np.float64]:
    """Let an image diffuse freely: convolve it repeatedly with a kernel.

    The image is extended beyond its edges once, before the first step, as far as the kernel can
    reach in all steps. All steps act on the extended image, and the mode then cuts out the result.
    A particle can therefore leave the image and return. The result equals a single convolution with
    a larger kernel. This is the kernel convolved ``steps - 1`` times with itself (mode ``full``),
    with ``steps * (h - 1) + 1`` entries along an axis.

    A loop over ``image = convolve(image, kernel, mode="same")`` is different, because it applies
    the boundary rule before each step. With zeros outside, the loop absorbs every particle that
    leaves the image (absorbing edges). The loop and `diffuse` agree for one step. They also agree
    as long as no particle can have left and returned. Let an odd kernel reach ``r`` pixels to
    either side. No particle has returned if the image is zero within ``(steps - 1) * r`` pixels of
    its edges. The loop and `diffuse` also agree for ``wrap`` with an odd kernel. For ``symm`` and
    ``mirror``, they agree if the kernel is odd and its own mirror image along every axis
    (reflecting edges).

    Args:
        image: Real array with 1, 2 or 3 axes, any unit.
        kernel: Real array with the same number of axes, any size and sign: the kernel of one step.
        steps: Number of steps, at least 0; 0 leaves the image unchanged.
        mode: Region of the result. ``full`` contains every pixel that is reached,
            ``N + steps * (h - 1)`` along an axis. ``same`` has the image's shape and is cut from
            ``full`` at ``steps * (h - 1) // 2``. ``valid`` contains only pixels that depend on the
            image alone, ``N - steps * (h - 1)``.
        boundary: Values outside the image, as in `classical.convolve`. The computing time grows
            with the area that particles reach for ``fill`` and ``nearest``, but only with the area
            of the image for ``wrap``, ``symm`` and ``mirror``.
        fillvalue: Value outside the image before the first step for ``fill``, in the unit of the
            image.
        cval: Another name of ``fillvalue``; None if ``fillvalue`` is used.

    Returns:
        The image after all steps as float64. Its unit is the image's unit times the kernel's unit
        to the power of ``steps``.

    Raises:
        TypeError: If an argument is complex or not numeric, or ``steps`` is not an integer.
        ValueError: If an argument is empty, not finite, out of range, an unknown word, or has the
            wrong number of axes. It is also raised if values overflow, or if the result is empty in
            mode ``valid``.

    Source:
        Einstein, Ann. Phys. 322, 549 (1905), section 4.

    Example:
        >>> import classical
        >>> classical.diffuse([0, 0, 1, 0, 0], [1, 2, 1], 2)
        array([1., 4., 6., 4., 1.])
        >>> classical.diffuse([1, 0, 0], [1, 2, 1], 2)  # one of the 6 left and returned
        array([6., 4., 1.])
    """
    count = whole_number("steps", steps, 0)
    x, k = image_and_kernel(image, kernel)
    one_of("mode", mode, MODES)
    boundary = boundary_named(boundary)
    outside = real_number("fillvalue", value_outside(fillvalue, cval))
    parts = [_result_part(n, count * (h - 1), mode) for n, h in zip(x.shape, k.shape, strict=True)]
    if any(length < 1 for _, length in parts):
        most = min((n - 1) // (h - 1) for n, h in zip(x.shape, k.shape, strict=True) if h > 1)
        raise ValueError(f"steps: expected at most {most} for mode 'valid', got {count}")
    with np.errstate(over="ignore", invalid="ignore"):
        if boundary in ("fill", "nearest"):
            result = _on_a_plane(x, k, count, parts, boundary, outside)
        else:
            result = _on_a_ring(x, k, count, parts, boundary)
    if not np.isfinite(result).all():
        raise ValueError(f"steps: values overflow within {count} steps; scale the kernel down")
    return result


def _result_part(size: int, reach: int, mode: str) -> tuple[int, int]:
    """Return the first index (within ``full``) and the length of the result along one axis."""
    if mode == "full":
        return 0, size + reach
    return (reach // 2, size) if mode == "same" else (reach, size - reach)


def _on_a_plane(
    image: NDArray[np.float64],
    kernel: NDArray[np.float64],
    steps: int,
    parts: list[tuple[int, int]],
    boundary: str,
    outside: float,
) -> NDArray[np.float64]:
    """Diffuse all pixels that can reach the result; each step drops those that no longer can."""
    widths = [
        (steps * (h - 1) - start, start + length - n)
        for n, h, (start, length) in zip(image.shape, kernel.shape, parts, strict=True)
    ]
    if boundary == "fill":
        part = np.pad(image, widths, constant_values=outside)
    else:
        part = np.pad(image, widths, mode="edge")
    for _ in range(steps):
        part = _step(part, kernel)
    return part


def _on_a_ring(
    image: NDArray[np.float64],
    kernel: NDArray[np.float64],
    steps: int,
    parts: list[tuple[int, int]],
    boundary: str,
) -> NDArray[np.float64]:
    """Diffuse one period of a periodically repeated image.

    The period is the image for ``wrap``, and the image with its mirror image otherwise. The mirror
    image has no edge pixels for ``mirror``. After every step, element ``i`` of the ring is element
    ``i`` of ``full``.
    """
    ring = image
    if boundary == "symm":
        ring = np.pad(image, [(0, n) for n in image.shape], mode="symmetric")
    elif boundary == "mirror":
        ring = np.pad(image, [(0, max(0, n - 2)) for n in image.shape], mode="reflect")
    for _ in range(steps):
        ring = _step(np.pad(ring, [(h - 1, 0) for h in kernel.shape], mode="wrap"), kernel)
    places = [
        np.arange(start, start + length) % n
        for n, (start, length) in zip(ring.shape, parts, strict=True)
    ]
    return ring[np.ix_(*places)]


def _step(part: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convolve once; the result is smaller by ``h - 1`` along every axis."""
    result = np.zeros([n - h + 1 for n, h in zip(part.shape, kernel.shape, strict=True)])
    for position, shifted in shifted_images(part, kernel.shape):
        result += kernel[position] * shifted
    return result
