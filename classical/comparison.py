"""Statistical comparison of an estimate and its standard error with the exact convolution."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from classical.checks import number_array, numpy_defaults, positive_number, real_number
from classical.similarity import psnr, rms, ssim
from classical.verdict import FALSE_ALARM_RATE, FEW_COUNTS, Evidence

_ENOUGH_PIXELS = 1000
_FEW = 20
_LEAST_VARIANCE = 0.1
_NOISELESS = 8 * float(np.finfo(np.float64).eps)
_ROUNDING = 64 * float(np.finfo(np.float64).eps)
_LARGEST_Z = 1e50


@dataclass(frozen=True, eq=False)
class Comparison(Evidence):
    """Comparison of an estimate with the exact result; print it for a table with the verdict.

    Example:
        >>> import numpy as np
        >>> import classical
        >>> image = np.random.default_rng(7).random((32, 32))
        >>> sample = classical.stochastic_convolve(image, [[1, -1]], shots=100, seed=7)
        >>> report = classical.compare(sample, classical.convolve(image, [[1, -1]]))
        >>> round(report.rmse, 3), round(report.predicted_rmse, 3)
        (0.103, 0.104)
        >>> round(report.coverage, 3), round(report.mean_square_z, 3)
        (0.946, 0.979)
    """

    zscores: NDArray[np.float64]
    """Error divided by standard error, per pixel, in the shape of the image.

    The z-score of a noiseless pixel is 0 or infinite. It is NaN where the standard error is
    unknown.
    """


@numpy_defaults
def compare(
    result: Any, exact: ArrayLike, *, level: float = 0.95, data_range: float | None = None
) -> Comparison:
    """Test an estimate and its standard errors against the exact result.

    A pixel is *noiseless* if its standard error is 0 or negligible: at most 8 eps of the scale. The
    scale is the largest ``|exact|`` or the data range, whichever is larger. A noiseless pixel must
    equal the exact value within 64 eps of the scale. Otherwise it is *wrong* and its z-score is
    infinite. All other pixels are *noisy*, with ``z = (image - exact) / stderr``.

    The p-value comes from a two-sided test that the mean of ``z^2`` over the ``n`` noisy pixels
    is 1. The sum of ``z^2`` is compared with a scaled chi-square distribution ``a chi2(nu)`` with
    the same mean ``n`` and variance ``n V``. Satterthwaite's approximation gives ``a = V / 2`` and
    ``nu = 2 n / V``. ``V`` is the variance of ``z^2`` at one pixel with correct standard errors. It
    is 2 for normal errors, and more for few shots or rare outcomes. Below 1000 noisy pixels ``V``
    is set to 2. With 1000 or more, ``V`` is the sample variance of ``z^2`` divided by the square of
    its mean, but at least 0.1. Without this division, the large scatter of a grossly wrong estimate
    would hide its error.

    The p-value assumes that errors of different pixels are independent and that the standard errors
    are accurate. The p-value is only nominal below 1000 pixels, or if an outcome was drawn fewer
    than 20 times in total. If the standard errors were estimated from all pixels together, the
    p-value is conservative (too large) for one shot per pixel or for rare outcomes. The reason is
    that the standard errors then vary with the errors, because both are computed from the same
    draws.

    The verdict rejects the estimate if a pixel is wrong. It also rejects the estimate if the
    p-value, the bias or a single z-score is too extreme. Each of these events has probability at
    most 1e-6 / 3 if the standard errors are correct. Two deviations are tolerated whatever the
    p-value, because standard errors are estimates too. Over the whole image, the standard errors
    may deviate by 2 %, and the bias may be 2 % of the standard errors. Wrong pixels are a false
    alarm if an outcome of the circuit was never drawn, because the standard error is then too
    small. Use more shots in that case. With correlated errors, neither the p-value nor the bias
    leads to rejection. The verdict then rejects the estimate if a pixel is wrong or if the excess
    of ``z^2`` is gross. With 1000 noisy pixels or more, a single z-score that is too large also
    leads to rejection.

    Args:
        result: Any object with arrays ``image`` and ``stderr`` of the shape of ``exact``. NaN in
            ``stderr`` means that the standard error is unknown. Optional attributes are:

            - ``shots``: shots per pixel;
            - ``oracle_calls``: total number of oracle calls, for the error at equal cost;
            - ``independent``: False if the errors of different pixels are correlated, in which case
              the p-value is NaN;
            - ``covariance``: covariance of the errors of real and imaginary part, for complex
              images; 0 without this attribute;
            - ``channel_axis``: axis of the channels, whose structural similarities are averaged;
            - ``bias``: mean error due to noise, an array of the same shape. With it, the verdict
              distinguishes errors due to noise from errors due to sampling;
            - ``loading_bias``: error due to approximate loading of the image, an array of the same
              shape. The verdict distinguishes this error too;
            - ``diagnostics.counts``: number of executions that ended in each pixel. With fewer than
              20, standard errors may be too large, and the verdict says so.
        exact: The exact result, any number of axes, any unit. The real and imaginary parts of a
            complex result count as separate pixels, along a last axis of length 2. The similarity
            is computed from the magnitudes.
        level: Confidence level of the intervals whose coverage is counted, between 0 and 1.
        data_range: Difference between the largest and the smallest possible value, for PSNR, SSIM
            and the scale of rounding; None for the range of ``exact``. Set it if ``exact`` is close
            to 0 everywhere.

    Returns:
        The statistics of the comparison and a verdict with false-alarm rate 1e-6.

    Raises:
        TypeError: If a value is not a real number, or ``result`` lacks ``image`` or ``stderr``.
        ValueError: If shapes differ, or a number is not finite or out of range.

    Example:
        >>> import numpy as np
        >>> import classical
        >>> image = np.random.default_rng(7).random((32, 32))
        >>> sample = classical.stochastic_convolve(image, [[1, -1]], shots=100, seed=7)
        >>> report = classical.compare(sample, classical.convolve(image, [[1, -1]]))
        >>> print(report.verdict)
        agrees with the exact convolution: errors are as large as stated (false-alarm rate 1e-06)
        >>> report.agrees
        True
    """
    truth = number_array("exact", exact)
    image, stderr = _estimate(result, truth)
    noise, loading = (_systematic(result, truth, name) for name in ("bias", "loading_bias"))
    shown = np.abs(image), np.abs(truth)  # for the similarity of complex pictures
    if np.iscomplexobj(truth):
        truth, image, stderr = map(_parts, (truth, image, stderr))
        noise, loading = (None if each is None else _parts(each) for each in (noise, loading))
    else:
        shown = image, truth
    inside = _level(level)
    span = _data_range(data_range, truth)
    error = image - truth
    scale = max(float(np.abs(truth).max()), span)
    noiseless = stderr <= _NOISELESS * scale
    apart = _uncorrelated(error, stderr, getattr(result, "covariance", None))
    zscores = _zscores(apart, stderr, noiseless, _ROUNDING * scale)
    noisy = zscores[~noiseless & ~np.isnan(stderr)]
    independent = bool(getattr(result, "independent", True))
    return Comparison(
        pixels=truth.size,
        noisy=noisy.size,
        noiseless=int(noiseless.sum()),
        wrong=int(np.isinf(zscores[noiseless]).sum()),
        shots=getattr(result, "shots", None),
        calls=(calls := _calls(result, truth.size)),
        independent=independent,
        bias=float(error.mean()),
        bias_stderr=rms(stderr) / math.sqrt(truth.size) if independent else math.nan,
        rmse=(rmse := rms(error)),
        unit_rmse=None if calls is None else rmse * math.sqrt(calls),
        predicted_rmse=rms(stderr),
        max_error=float(np.abs(error).max()),
        psnr=psnr(rmse, span),
        ssim=ssim(*shown, span, getattr(result, "channel_axis", None)),
        level=inside,
        coverage=_coverage(noisy, inside),
        mean_square_z=float(np.mean(noisy**2)) if noisy.size else math.nan,
        largest_z=float(np.abs(noisy).max()) if noisy.size else math.nan,
        largest_z_limit=_largest_honest(noisy),
        concentrated=_concentrated(noisy),
        noise_rms=None if noise is None else rms(noise),
        loading_rms=None if loading is None else rms(loading),
        sampling=_of_sampling(result, (noise, loading), truth, inside, span),
        few=_few(result),
        pvalue=_pvalue(noisy) if independent else math.nan,
        zscores=zscores,
    )


def _parts(numbers: NDArray[Any]) -> NDArray[np.float64]:
    """Return real and imaginary parts along a new last axis."""
    return np.stack([numbers.real, numbers.imag], axis=-1)


def _uncorrelated(
    error: NDArray[np.float64], stderr: NDArray[np.float64], covariance: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Remove from each imaginary error the part that follows from the real error.

    The rest is scaled such that its standard error is unchanged. Real errors are unchanged.
    """
    if covariance is None:
        return error
    (real, imaginary), (first, second) = np.moveaxis(error, -1, 0), np.moveaxis(stderr, -1, 0)
    both = first * second
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.where(both > 0, covariance / both, 0.0)
        rest = np.sqrt(1 - np.square(correlation))
        apart = (imaginary - correlation * second * np.where(first > 0, real / first, 0.0)) / rest
    determined = ~(np.square(correlation) < 1 - _NOISELESS)  # one part is a multiple of the other
    return np.stack([real, np.where(determined, imaginary, apart)], axis=-1)


def _estimate(result: Any, truth: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the image and the standard error of a result after checking shapes and types."""
    for name in ("image", "stderr"):
        if not hasattr(result, name):
            kind = type(result).__name__
            raise TypeError(f"result: expected an object with .image and .stderr, got {kind}")
    image = number_array("result.image", result.image)
    stderr = number_array("result.stderr", result.stderr, finite=False)
    shape = truth.shape
    for name, array in (("result.image", image), ("result.stderr", stderr)):
        if array.shape != shape:
            raise ValueError(f"{name}: expected the shape of exact, {shape}, got {array.shape}")
        if array.dtype != truth.dtype:
            words = ("complex", "real") if np.iscomplexobj(truth) else ("real", "complex")
            raise TypeError(f"{name}: expected {words[0]} numbers as in exact, got {words[1]} ones")
    parts = _parts(stderr) if np.iscomplexobj(stderr) else stderr
    if np.isinf(parts).any() or (parts < 0).any():
        raise ValueError("result.stderr: expected finite values of at least 0 (or NaN), got others")
    return image, stderr


@dataclass(frozen=True)
class _OfSampling:
    """Estimate from which the mean errors due to noise and to loading have been subtracted."""

    image: NDArray[np.float64]
    stderr: NDArray[np.float64]
    independent: bool
    channel_axis: int | None
    diagnostics: Any


def _systematic(result: Any, truth: NDArray[Any], name: str) -> NDArray[Any] | None:
    """Return the mean error of a name, or None if the result does not provide it."""
    bias = getattr(result, name, None)
    if bias is None:
        return None
    found = number_array(f"result.{name}", bias)
    if found.shape != truth.shape:
        raise ValueError(
            f"result.{name}: expected the shape of exact, {truth.shape}, got {found.shape}"
        )
    return found.astype(truth.dtype, copy=False)


def _of_sampling(
    result: Any,
    causes: Sequence[NDArray[np.float64] | None],
    exact: NDArray[np.float64],
    level: float,
    data_range: float,
) -> Comparison | None:
    """Compare the estimate without its known mean errors: the error of sampling alone.

    None if the result provides no mean error.
    """
    known = [each for each in causes if each is not None]
    if not known:
        return None
    independent = bool(getattr(result, "independent", True))
    image, stderr = np.asarray(result.image), np.asarray(result.stderr)
    if np.iscomplexobj(image):
        image, stderr = _parts(image), _parts(stderr)
    channel_axis = getattr(result, "channel_axis", None)
    counted = getattr(result, "diagnostics", None)
    alone = _OfSampling(image - sum(known), stderr, independent, channel_axis, counted)
    return compare(alone, exact, level=level, data_range=data_range or None)


def _few(result: Any) -> float | None:
    """Return the fraction of pixels with few counts, or None if there are no counts."""
    counts = getattr(getattr(result, "diagnostics", None), "counts", None)
    return None if counts is None else float(np.mean(np.asarray(counts) < FEW_COUNTS))


def _calls(result: Any, pixels: int) -> float | None:
    """Return the oracle calls per pixel, or None if their number is unknown or 0."""
    calls = getattr(result, "oracle_calls", None)
    return calls / pixels if calls else None


def _level(level: float) -> float:
    value = real_number("level", level)
    if not 0 < value < 1:
        raise ValueError(f"level: expected a number between 0 and 1, got {level!r}")
    return value


def _data_range(data_range: float | None, exact: NDArray[np.float64]) -> float:
    if data_range is None:
        return float(exact.max() - exact.min())
    return positive_number("data_range", data_range)


def _zscores(
    error: NDArray[np.float64],
    stderr: NDArray[np.float64],
    noiseless: NDArray[np.bool_],
    tolerance: float,
) -> NDArray[np.float64]:
    """Return errors over standard errors; noiseless pixels get 0 within rounding, else infinity."""
    zscores = np.where(np.abs(error) <= tolerance, 0.0, np.copysign(np.inf, error))
    noisy = ~noiseless
    with np.errstate(over="ignore"):
        ratio = error[noisy] / stderr[noisy]
    zscores[noisy] = np.clip(ratio, -_LARGEST_Z, _LARGEST_Z)
    return zscores


def _coverage(noisy: NDArray[np.float64], level: float) -> float:
    """Return the fraction of the confidence intervals that contain the exact value."""
    if noisy.size == 0:
        return math.nan
    return float(np.mean(np.abs(noisy) <= special.ndtri((1 + level) / 2)))


def _pvalue(noisy: NDArray[np.float64]) -> float:
    """Return the p-value of the two-sided test that the mean of z^2 is 1; see `compare`."""
    n = noisy.size
    if n == 0:
        return math.nan
    squares = noisy**2
    variance = 2.0
    if n >= _ENOUGH_PIXELS:
        variance = max(_relative_variance(squares), _LEAST_VARIANCE)
    factor, freedom = variance / 2, 2 * n / variance
    statistic = float(squares.sum()) / factor
    tail = min(special.chdtr(freedom, statistic), special.chdtrc(freedom, statistic))
    return min(1.0, 2 * float(tail))


def _relative_variance(squares: NDArray[np.float64]) -> float:
    """Return the variance of z^2 divided by its squared mean; 0 if all values are 0."""
    mean = float(squares.mean())
    return float((squares / mean).var(ddof=1)) if mean else 0.0


def _concentrated(noisy: NDArray[np.float64]) -> bool:
    """Return whether most of the sum of z^2 comes from 20 pixels and the others have too little.

    Too little is a mean z^2 below 1/2. Correct standard errors have this pattern if an outcome was
    drawn only a few times over the whole image. A few wrong pixels give a different pattern: the
    other pixels then have a mean z^2 of 1.
    """
    if noisy.size < _ENOUGH_PIXELS:
        return False
    squares = np.sort(noisy**2)
    rest = float(squares[:-_FEW].sum())
    return rest < float(squares[-_FEW:].sum()) and rest < 0.5 * (noisy.size - _FEW)


def _largest_honest(noisy: NDArray[np.float64]) -> float:
    """Return the limit that the largest |z| exceeds only at the false-alarm rate.

    The p-value does not detect a single pixel with a large error, because that pixel also raises
    the sample variance. Bernstein's inequality bounds the mean of shots if each shot contributes at
    most ``b`` standard errors. The union bound extends the bound to all pixels. ``b^2`` is
    approximately the excess kurtosis caused by rare outcomes. It is estimated from all pixels
    except the 20 largest. It is at least 1, which corresponds to a rarest outcome expected once per
    pixel. Below 1000 pixels the p-value suffices and the limit is infinite.

    Source:
        Boucheron, Lugosi and Massart, Concentration Inequalities (2013), section 2.8.
    """
    n = noisy.size
    if n < _ENOUGH_PIXELS:
        return math.inf
    rest = np.sort(noisy**2)[:-_FEW]
    step = math.sqrt(max(1.0, _relative_variance(rest) - 2))
    linear = math.log(2 * n / (FALSE_ALARM_RATE / 3)) * step / 3
    return linear + math.sqrt(linear**2 + 6 * linear / step)
