"""Convolution as diffusion: the same kernel step after step, and the heat kernel it tends to."""

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
from classical.convolution import BOUNDARIES, MODES, shifted_images


@numpy_defaults
def heat_kernel(shape: Sequence[int], time: float, diffusivity: float = 1.0) -> NDArray[np.float64]:
    """Sample the heat kernel on a grid of pixels: where a particle is after some time.

    The heat kernel solves the diffusion equation ``du/dt = D laplacian(u)`` for a particle that
    starts in the middle of a pixel: a Gaussian of variance ``2 D t`` along every axis.

    It is sampled at the middles of the pixels, not integrated over them, because iterated
    convolution adds up variances. With ``v = 2 D t``, the variance of the samples is ``v`` but for
    ``8 pi**2 v**2 exp(-2 pi**2 v)``, which is 2e-7 at v = 1, 1e-3 at v = 1/2, and no longer small
    (0.04) at v = 1/4. Integration over pixels would add 1/12 to the variance of every kernel.

    Args:
        shape: Shape of the kernel, 1, 2 or 3 axes. The centre is at ``(h - 1) // 2``, as for a
            convolution with mode ``same``. What lies beyond is cut off: of a width of 12 standard
            deviations, 2e-9 along that axis.
        time: Time since the start, positive, any unit.
        diffusivity: ``D``, positive, in square pixels per unit of time.

    Returns:
        Kernel of that shape, not negative, sum 1.

    Raises:
        TypeError: Time or diffusivity is not a real number, or the shape not a tuple or list of
            integers.
        ValueError: Time or diffusivity is not positive, or their product beyond floating point; a
            shape with an empty axis or too many.

    Source:
        Einstein, Ann. Phys. 322, 549 (1905), section 4 (the law); Lindeberg, J. Math. Imaging Vis.
        66, 759 (2024), section 2 (sampled and integrated Gaussians).

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
            f"time: expected a finite 2 * diffusivity * time above 0, got {variance!r}"
        )
    kernel = np.ones(sizes)
    for distance in np.ix_(*(np.arange(h) - (h - 1) // 2 for h in sizes)):
        with np.errstate(over="ignore"):  # a tiny variance: exp(-inf) is 0, as it should be
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
    fillvalue: float = 0.0,
) -> NDArray[np.float64]:
    """Let an image diffuse freely: convolve with a kernel, step after step.

    The image is extended beyond its edges once, before the first step, as far as the kernel can
    reach in all steps. Then it diffuses there, and the mode cuts out the result. So a particle may
    leave the image and come back, and the result is that of one convolution with the kernel
    convolved ``steps - 1`` times with itself (mode ``full``), of ``steps * (h - 1) + 1`` entries
    along an axis.

    This is not ``image = convolve(image, kernel, mode="same")`` in a loop, where the boundary rule
    acts again before each step. With zeros outside, the loop absorbs every particle that leaves:
    edges that swallow. Both are equal for one step, or while nothing that left can be back: for an
    odd kernel that reaches ``r`` pixels to either side, if the image is zero within
    ``(steps - 1) * r`` pixels of its edges. They are also equal for ``wrap`` and an odd kernel, and
    for ``symm`` and an odd kernel that is its own mirror image along every axis (edges that
    reflect).

    Args:
        image: Real array with 1, 2 or 3 axes, any unit.
        kernel: Real array with as many axes, any size and sign: what one step does.
        steps: Number of steps, at least 0; after none, the image is as it was.
        mode: ``full``: every pixel that is reached, ``N + steps * (h - 1)`` along an axis;
            ``same``: the image's shape, cut from ``full`` at ``steps * (h - 1) // 2``; ``valid``:
            only what no pixel outside of the image has reached, ``N - steps * (h - 1)``.
        boundary: ``fill``, ``wrap`` or ``symm``, as in `classical.convolve`. For ``fill`` the work
            grows with the area that is reached, for the others only with the image.
        fillvalue: Value outside of the image before the first step for ``fill``, in the unit of the
            image.

    Returns:
        The image after all steps as float64, in the unit of the image times the kernel's to the
        power of ``steps``.

    Raises:
        TypeError: An argument is complex or not a number; ``steps`` is not an integer.
        ValueError: An argument is empty, not finite, out of range, has the wrong number of axes, is
            an unknown word; in mode ``valid``, nothing is left; or the values overflow.

    Source:
        Einstein, Ann. Phys. 322, 549 (1905), section 4.

    Example:
        >>> import classical
        >>> classical.diffuse([0, 0, 1, 0, 0], [1, 2, 1], 2)
        array([1., 4., 6., 4., 1.])
        >>> classical.diffuse([1, 0, 0], [1, 2, 1], 2)  # one of the 6 left and came back
        array([6., 4., 1.])
    """
    count = whole_number("steps", steps, 0)
    x, k = image_and_kernel(image, kernel)
    one_of("mode", mode, MODES)
    one_of("boundary", boundary, BOUNDARIES)
    outside = real_number("fillvalue", fillvalue)
    parts = [_result_part(n, count * (h - 1), mode) for n, h in zip(x.shape, k.shape, strict=True)]
    if any(length < 1 for _, length in parts):
        most = min((n - 1) // (h - 1) for n, h in zip(x.shape, k.shape, strict=True) if h > 1)
        raise ValueError(f"steps: expected, for mode 'valid', at most {most}, got {count}")
    with np.errstate(over="ignore", invalid="ignore"):
        if boundary == "fill":
            result = _on_a_plane(x, k, count, parts, outside)
        else:
            result = _on_a_ring(x, k, count, parts, mirrored=boundary == "symm")
    if not np.isfinite(result).all():
        raise ValueError(f"steps: expected so few that no value overflows, got {count}")
    return result


def _result_part(size: int, reach: int, mode: str) -> tuple[int, int]:
    """First index (within ``full``) and length of the result along one axis."""
    if mode == "full":
        return 0, size + reach
    return (reach // 2, size) if mode == "same" else (reach, size - reach)


def _on_a_plane(
    image: NDArray[np.float64],
    kernel: NDArray[np.float64],
    steps: int,
    parts: list[tuple[int, int]],
    outside: float,
) -> NDArray[np.float64]:
    """Start from all pixels that can reach the result; each step drops those that no more can."""
    widths = [
        (steps * (h - 1) - start, start + length - n)
        for n, h, (start, length) in zip(image.shape, kernel.shape, parts, strict=True)
    ]
    part = np.pad(image, widths, constant_values=outside)
    for _ in range(steps):
        part = _step(part, kernel)
    return part


def _on_a_ring(
    image: NDArray[np.float64],
    kernel: NDArray[np.float64],
    steps: int,
    parts: list[tuple[int, int]],
    *,
    mirrored: bool,
) -> NDArray[np.float64]:
    """Diffuse one period of an image that repeats for ever: itself, or itself and its mirror image.

    Element ``i`` of the ring is element ``i`` of ``full`` after every step.
    """
    period = [(0, n if mirrored else 0) for n in image.shape]
    ring = np.pad(image, period, mode="symmetric")
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
