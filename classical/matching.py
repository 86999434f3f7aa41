"""Template matching: the exact score maps, to which sampled score maps converge."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from classical.checks import image_and_kernel, numpy_defaults, one_of, real_array
from classical.convolution import convolve, correlate

_Array = NDArray[np.float64]

_FILTERS = ("phase", "correlation", "normalized")

#: Fraction of the mean square below which a variance is attributed to rounding.
_FLAT = 1e-12

#: Fraction of the largest spectral magnitude below which the phase of a frequency is undefined.
_SILENT = 1e-9

#: Fractions of the noise variance and of the mean square that regularise the local standard
#: deviation, and the median magnitude of a standard normal variable.
_NOISE, _FLOOR, _MEDIAN = 0.05, 1e-5, 0.6744897501960817


@numpy_defaults
def match_template(
    image: ArrayLike,
    template: ArrayLike,
    *,
    filter: str = "phase",
    channel_axis: int | None = None,
) -> _Array:
    """Compute exactly how well a template fits at every position of an image.

    With ``"phase"``, image and template are first standardised locally, over windows of about a
    quarter of the template's sides and with mirrored edges. The reason is that slow changes of
    brightness and strong edges contain most of an image's energy but hardly distinguish positions.
    The local mean is subtracted from each array. The difference is divided by the square root of a
    sum: the local mean of the squared difference and two small terms. The small terms are 0.05 of
    the noise variance (estimated from the median magnitude of second differences) and 1e-5 of the
    mean square.

    The image is then padded with zeros to powers of two and multiplied in Fourier space by
    ``conj(T) / |T|``. Here ``T`` is the spectrum of the template with the same padding. This is
    the phase-only matched filter. Frequencies that the template lacks pass unchanged. All factors
    have modulus 1. The sum of squares over the padded result therefore equals the
    sum over the standardised image.

    With ``"correlation"``, the image is correlated with the template minus its mean. With
    ``"normalized"``, the correlation is divided by the norm of the template and by the norm of each
    window, after subtracting their means. The result is Pearson's coefficient, from -1 to 1, and 0
    where a window is constant.

    Args:
        image: Real array with 1 or 2 axes, any unit, not constant.
        template: Real array with the same number of axes, no larger than the image, not constant.
        filter: ``"phase"``, ``"correlation"`` or ``"normalized"``.
        channel_axis: Axis of the channels of image and template, over which scores are summed; None
            for no channels. Windows of standardisation contain one channel.

    Returns:
        Score of every position at which the template lies inside the image, shape
        ``image.shape - template.shape + 1``. An index is the position of the template's first
        element. With ``"correlation"``, the unit is image times template; other scores are
        dimensionless.

    Raises:
        TypeError: If an array is complex or does not hold numbers.
        ValueError: If the numbers of axes differ or are not 1 or 2, if the template is larger than
            the image, or if ``filter`` is unknown. It is also raised if an array is empty, not
            finite or constant. With ``"phase"``, an array that is constant along all template axes
            longer than 1 is rejected too.

    Source:
        Horner and Gianino, Applied Optics 23, 812 (1984) (phase-only matched filter); Lewis, Vision
        Interface 120 (1995), section 2 (normalised correlation).

    Example:
        >>> import classical
        >>> scores = classical.match_template([5, 1, 4, 2, 8, 5, 7], [4, 2, 8], filter="normalized")
        >>> scores.round(2)
        array([ 0.58, -0.5 ,  1.  , -0.33,  0.5 ])
    """
    kind = one_of("filter", filter, _FILTERS)
    if channel_axis is not None:
        image, template = (
            np.moveaxis(real_array(name, array), channel_axis, -1)
            for name, array in (("image", image), ("template", template))
        )
    x, t = _checked(image, template, channels=channel_axis is not None)
    scores = _scores(kind, x, t, channels=channel_axis is not None)
    return scores if channel_axis is None else scores[..., 0]


def _scores(kind: str, x: _Array, t: _Array, *, channels: bool) -> _Array:
    """Return the scores at all positions; ``channels`` if the last axis has channels."""
    if kind == "phase":
        return _phase(*_standardised(x, t, channels=channels))
    if kind == "normalized":  # independent of the units
        x, t = x / np.abs(x).max(), t / np.abs(t).max()
    x, t = x - x.mean(), t - t.mean()
    found = correlate(x, t, mode="valid", method="fft")
    return found if kind == "correlation" else _normalized(x, t, found)


def _checked(image: ArrayLike, template: ArrayLike, *, channels: bool) -> tuple[_Array, _Array]:
    x, t = image_and_kernel(image, template, name="template", most_axes=2 + channels)
    if channels and x.shape[-1] != t.shape[-1]:
        raise ValueError(
            f"template: expected as many channels as the image, {x.shape[-1]}, got {t.shape[-1]}"
        )
    if any(h > length for h, length in zip(t.shape, x.shape, strict=True)):
        raise ValueError(
            f"template: expected a shape no larger than the image, {x.shape}, got {t.shape}"
        )
    for name, array in (("image", x), ("template", t)):
        if array.min() == array.max():
            raise ValueError(
                f"{name}: expected at least two different values, got {array.flat[0]} everywhere"
            )
    return x, t


def _standardised(image: _Array, template: _Array, *, channels: bool) -> tuple[_Array, _Array]:
    """Standardise image and template over a window around every element."""
    sides = [1 if h == 1 else max(3, 2 * (h // 8) + 1) for h in template.shape]
    if channels:
        sides[-1] = 1
    box = np.full(sides, 1 / np.prod(sides))
    found = []
    for name, array in (("image", image), ("template", template)):
        centred = array / np.abs(array).max()
        centred = centred - centred.mean()
        centred /= np.abs(centred).max()
        rest = centred - _mean_around(centred, box)
        scale = np.abs(rest).max()
        if scale <= _FLAT:
            raise ValueError(
                f"{name}: expected values that vary along the template's axes, got constants"
            )
        rest /= scale
        added = _NOISE * _noise(centred / scale, sides) + _FLOOR * np.mean(rest**2)
        found.append(rest / np.sqrt(np.maximum(_mean_around(rest**2, box), 0) + added))
    return found[0], found[1]


def _mean_around(array: _Array, box: _Array) -> _Array:
    return convolve(array, box, mode="same", boundary="symm", method="fft")


def _noise(array: _Array, sides: list[int]) -> float:
    """Estimate the variance of white noise from the median magnitude of second differences.

    Each axis of second differences multiplies the variance by 6.
    """
    second, variance, any_axis = array, 1.0, False
    for axis, (side, length) in enumerate(zip(sides, array.shape, strict=True)):
        if side > 1 and length >= 3:
            before, here, after = (
                np.take(second, np.arange(length - 2) + shift, axis) for shift in range(3)
            )
            second, variance, any_axis = before - 2 * here + after, 6 * variance, True
    return float(np.median(np.abs(second)) / _MEDIAN) ** 2 / variance if any_axis else 0.0


def _phase(image: _Array, template: _Array) -> _Array:
    """Apply the phase-only matched filter at all positions with the template inside the image."""
    sides = [1 << (length - 1).bit_length() for length in image.shape]
    axes = range(image.ndim)
    spectrum = np.fft.fftn(template, sides, axes)
    size = np.abs(spectrum)
    heard = size > _SILENT * size.max()
    phases = np.where(heard, spectrum.conj() / np.where(heard, size, 1), 1)
    matched = np.fft.ifftn(np.fft.fftn(image, sides, axes) * phases).real
    places = zip(image.shape, template.shape, strict=True)
    return np.ascontiguousarray(matched[tuple(slice(n - h + 1) for n, h in places)])


def _normalized(image: _Array, template: _Array, found: _Array) -> _Array:
    """Divide a correlation with a zero-mean template by the norms of template and windows."""
    ones = np.ones_like(template)
    total = correlate(image, ones, mode="valid", method="fft")
    square = correlate(image**2, ones, mode="valid", method="fft")
    spread = square - total**2 / ones.size
    varied = spread > _FLAT * square.max()
    scale = np.sqrt(np.where(varied, spread, 1) * np.sum(template**2))
    return np.asarray(np.where(varied, np.clip(found / scale, -1, 1), 0.0))
