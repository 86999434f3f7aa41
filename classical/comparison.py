"""Is an estimate, with the standard error that it states, the exact convolution?"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from classical.checks import numpy_defaults, positive_number, real_array, real_number
from classical.similarity import psnr, rms, ssim
from classical.verdict import FALSE_ALARM_RATE, Evidence

_ENOUGH_PIXELS = 1000
_FEW = 20
_LEAST_VARIANCE = 0.1
_NOISELESS = 8 * float(np.finfo(np.float64).eps)
_ROUNDING = 64 * float(np.finfo(np.float64).eps)
_LARGEST_Z = 1e50


@dataclass(frozen=True, eq=False)
class Comparison(Evidence):
    """An estimate against the exact result; print it for a table with the verdict.

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
    """Error in standard errors per pixel; of a noiseless pixel 0 or infinite; NaN if unknown."""


@numpy_defaults
def compare(
    result: Any, exact: ArrayLike, *, level: float = 0.95, data_range: float | None = None
) -> Comparison:
    """Judge an estimate by its own standard errors against the exact result.

    A pixel is *noiseless* if its standard error is 0 (or lost in rounding: at most 8 eps of the
    scale, which is the largest of ``|exact|`` and the data range). It must equal the exact value
    within 64 eps of the scale, else it is *wrong* and its z-score infinite. All others are *noisy*,
    with ``z = (image - exact) / stderr``.

    The p-value tests, on both sides, that the mean of ``z^2`` over the ``n`` noisy pixels is 1.
    Their sum is compared with a scaled chi-square, ``a chi2(nu)``, of the same mean ``n`` and
    variance ``n V`` (Satterthwaite: ``a = V / 2``, ``nu = 2 n / V``). ``V`` is the variance of
    ``z^2`` at one pixel of an honest estimate: 2 for normal errors, but more for few shots or rare
    outcomes; so from 1000 noisy pixels on it is the sample variance of ``z^2`` over the square of
    its mean (at least 0.1), below that it is 2. Without that division a grossly wrong estimate
    would excuse itself by its own scatter.

    What the p-value assumes: errors of different pixels are independent, standard errors are known
    well. So it is nominal for few draws in all (below 1000 pixels, or when an outcome was drawn
    fewer than 20 times in all), and cautious (too large) for one shot a pixel, or rare outcomes,
    if the standard errors were estimated from all pixels together: such errors fit themselves.

    The verdict contradicts the estimate for a p-value, a bias, or a single z-score that honest
    errors reach with probability 1e-6 / 3, or for any wrong pixel. Over the whole image standard
    errors within 2 % of the truth count as right, whatever the p-value, and so does a bias of at
    most 2 % of them: they are estimates too.
    Wrong pixels are a false alarm if an outcome of the circuit was never drawn, which leaves too
    small a standard error: draw more. With correlated errors only a gross excess of ``z^2`` can
    contradict the estimate.

    Args:
        result: Any object with arrays ``image`` and ``stderr`` of the shape of ``exact`` (NaN in
            ``stderr``: not known); optionally ``shots``, ``oracle_calls`` (in all, for the error at
            equal cost), and ``independent`` (False if the errors of different pixels are
            correlated, which leaves the p-value NaN), and ``bias`` (what noise gets wrong on
            average, same shape: the verdict then says whether noise or sampling contradicts it).
        exact: The exact result, any number of axes, any unit.
        level: Confidence level of the intervals whose coverage is counted, between 0 and 1.
        data_range: Distance from the darkest to the brightest value, for PSNR, SSIM and the scale
            of rounding; by default that of ``exact``. Give it if that is close to 0 everywhere.

    Returns:
        All figures, and a verdict with false-alarm rate 1e-6.

    Raises:
        TypeError: Something is not a real number, or ``result`` lacks ``image`` or ``stderr``.
        ValueError: Shapes differ, a number is not finite or out of range.

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
    truth = real_array("exact", exact)
    image, stderr = _estimate(result, truth.shape)
    inside = _level(level)
    span = _data_range(data_range, truth)
    error = image - truth
    scale = max(float(np.abs(truth).max()), span)
    noiseless = stderr <= _NOISELESS * scale
    zscores = _zscores(error, stderr, noiseless, _ROUNDING * scale)
    noisy = zscores[~noiseless & ~np.isnan(stderr)]
    independent = bool(getattr(result, "independent", True))
    noise = _noise(result, truth.shape)
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
        ssim=ssim(image, truth, span),
        level=inside,
        coverage=_coverage(noisy, inside),
        mean_square_z=float(np.mean(noisy**2)) if noisy.size else math.nan,
        largest_z=float(np.abs(noisy).max()) if noisy.size else math.nan,
        largest_z_limit=_largest_honest(noisy),
        concentrated=_concentrated(noisy),
        noise_rms=None if noise is None else rms(noise),
        sampling=None if noise is None else _of_sampling(result, noise, truth, inside, span),
        pvalue=_pvalue(noisy) if independent else math.nan,
        zscores=zscores,
    )


def _estimate(
    result: Any, shape: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Image and standard error of a result, checked against the shape of the exact one."""
    for name in ("image", "stderr"):
        if not hasattr(result, name):
            kind = type(result).__name__
            raise TypeError(f"result: expected an object with .image and .stderr, got {kind}")
    image = real_array("result.image", result.image)
    stderr = real_array("result.stderr", result.stderr, finite=False)
    for name, array in (("result.image", image), ("result.stderr", stderr)):
        if array.shape != shape:
            raise ValueError(f"{name}: expected the shape of exact, {shape}, got {array.shape}")
    if np.isinf(stderr).any() or (stderr < 0).any():
        raise ValueError("result.stderr: expected finite values of at least 0 (or NaN), got others")
    return image, stderr


@dataclass(frozen=True)
class _WithoutNoise:
    """An estimate with what noise gets wrong taken off."""

    image: NDArray[np.float64]
    stderr: NDArray[np.float64]
    independent: bool


def _noise(result: Any, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    """What noise gets wrong on average, if the result says."""
    bias = getattr(result, "bias", None)
    if bias is None:
        return None
    found = real_array("result.bias", bias)
    if found.shape != shape:
        raise ValueError(f"result.bias: expected the shape of exact, {shape}, got {found.shape}")
    return found


def _of_sampling(
    result: Any,
    noise: NDArray[np.float64],
    exact: NDArray[np.float64],
    level: float,
    data_range: float,
) -> Comparison:
    """The comparison of what sampling adds."""
    independent = bool(getattr(result, "independent", True))
    image = np.asarray(result.image) - noise
    alone = _WithoutNoise(image, np.asarray(result.stderr), independent)
    return compare(alone, exact, level=level, data_range=data_range or None)


def _calls(result: Any, pixels: int) -> float | None:
    """Oracle calls per pixel, if the result says and made some."""
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
    """Errors in standard errors; where there is no noise, 0 within rounding and infinite beyond."""
    zscores = np.where(np.abs(error) <= tolerance, 0.0, np.copysign(np.inf, error))
    noisy = ~noiseless
    with np.errstate(over="ignore"):
        ratio = error[noisy] / stderr[noisy]
    zscores[noisy] = np.clip(ratio, -_LARGEST_Z, _LARGEST_Z)
    return zscores


def _coverage(noisy: NDArray[np.float64], level: float) -> float:
    """Fraction of the intervals of a level that hold the exact value."""
    if noisy.size == 0:
        return math.nan
    return float(np.mean(np.abs(noisy) <= special.ndtri((1 + level) / 2)))


def _pvalue(noisy: NDArray[np.float64]) -> float:
    """Two-sided test that the mean of z^2 is 1, as `compare` describes it."""
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
    """Variance of z^2 over the square of its mean; 0 if all are 0."""
    mean = float(squares.mean())
    return float((squares / mean).var(ddof=1)) if mean else 0.0


def _concentrated(noisy: NDArray[np.float64]) -> bool:
    """Whether the 20 largest pixels carry most of z^2, and the others less than half of their due.

    So it is with honest errors when an outcome was drawn only a few times over the whole image. A
    few wrong pixels among honest ones look different: there the others have a mean z^2 of 1.
    """
    if noisy.size < _ENOUGH_PIXELS:
        return False
    squares = np.sort(noisy**2)
    rest = float(squares[:-_FEW].sum())
    return rest < float(squares[-_FEW:].sum()) and rest < 0.5 * (noisy.size - _FEW)


def _largest_honest(noisy: NDArray[np.float64]) -> float:
    """The largest |z| that honest errors reach, but for the false-alarm rate.

    The p-value cannot see one pixel that is far off, because that pixel also raises the sample
    variance. Bernstein's inequality bounds the mean of shots whose single steps are at most ``b``
    standard errors, and the union bound all pixels. ``b^2`` is about the excess kurtosis that rare
    outcomes cause, taken from all pixels but the 20 largest, and at least 1: a rarest outcome
    expected once a pixel. Below 1000 pixels the p-value needs no such help: infinity.

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
