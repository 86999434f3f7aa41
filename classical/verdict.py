"""From figures to words: what a comparison found, and whether the estimate holds."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

FALSE_ALARM_RATE = 1e-6
_MANY_PIXELS = 1000

#: How far standard errors may be off, and by which part of them their mean: many pixels see that
#: estimates which are right in the limit of many shots are not quite right before.
_MARGIN = 0.02


@dataclass(frozen=True, eq=False)
class Evidence:
    """The figures of a comparison that a verdict rests on."""

    pixels: int
    """Number of pixels."""
    noisy: int
    """Pixels with a standard error that says something."""
    noiseless: int
    """Pixels whose standard error is 0, or lost in rounding."""
    wrong: int
    """Noiseless pixels that differ from the exact value by more than rounding."""
    shots: int | NDArray[np.int64] | None
    """Shots per pixel, one number or an array, if the result says."""
    calls: float | None
    """Oracle calls per pixel, if the result says and made some."""
    independent: bool
    """Whether the errors of different pixels are independent."""
    bias: float
    """Mean error over all pixels."""
    bias_stderr: float
    """Standard error of the bias; NaN if errors are correlated or a standard error is unknown."""
    rmse: float
    """Root mean square error."""
    unit_rmse: float | None
    """RMSE times the square root of the oracle calls per pixel: what sampling of this quality has
    at one call. It compares results at equal cost."""
    predicted_rmse: float
    """Root mean square of the standard errors; NaN if one is unknown."""
    max_error: float
    """Largest absolute error."""
    psnr: float
    """Peak signal-to-noise ratio in decibels; infinite without error, NaN without a range."""
    ssim: float
    """Structural similarity; NaN if the image is smaller than the 7-pixel window."""
    level: float
    """Confidence level of the intervals."""
    coverage: float
    """Fraction of noisy pixels whose interval holds the exact value; NaN if there are none."""
    mean_square_z: float
    """Mean of z^2 over the noisy pixels: 1 for honest standard errors; NaN if there are none."""
    largest_z: float
    """Largest ``|z|`` of a noisy pixel; NaN if there are none."""
    largest_z_limit: float
    """Largest ``|z|`` that honest errors would reach; infinite below 1000 noisy pixels."""
    concentrated: bool
    """Whether 20 pixels or fewer carry most of the error: an outcome was drawn too rarely."""
    noise_rms: float | None
    """Root mean square of what noise gets wrong on average, if the result says."""
    sampling: "Evidence | None"
    """The same comparison with that taken off: of sampling alone. None if the result does not say
    it."""
    pvalue: float
    """Two-sided p-value for a mean z^2 of 1; NaN if errors are correlated or no pixel is noisy."""

    @property
    def unknown(self) -> int:
        """Pixels whose standard error is NaN."""
        return self.pixels - self.noisy - self.noiseless

    @property
    def agrees(self) -> bool | None:
        """Whether the estimate is the exact result within its errors; None if undecided."""
        if self.sampling is not None and self.sampling.agrees is False:
            return False
        if self.objections:
            return None if self.concentrated else False
        return None if self._doubts else True

    @property
    def objections(self) -> tuple[str, ...]:
        """What contradicts the estimate; each sentence has a third of the false-alarm rate."""
        limit = FALSE_ALARM_RATE / 3
        found = []
        if self.wrong:
            found.append(
                f"{self.wrong} of {self.noiseless} noiseless pixels are off by more than rounding"
            )
        ratio = math.sqrt(self.mean_square_z)
        if self.pvalue < limit and abs(ratio - 1) > _MARGIN:
            size = "larger" if ratio > 1 else "smaller"
            found.append(
                f"errors are {size} than stated ({ratio:.4g} times, p = {self.pvalue:.2g})"
            )
        small = abs(self.bias) <= _MARGIN * self.predicted_rmse
        if self.noisy and not small and math.erfc(abs(self._bias_z) / math.sqrt(2)) < limit:
            found.append(f"the bias is {self._bias_z:.4g} of its standard errors")
        if self.largest_z > self.largest_z_limit:
            found.append(f"one pixel is off by {self.largest_z:.4g} standard errors")
        if not self.independent and self.mean_square_z > _correlated_limit(limit):
            found.append(f"errors are {math.sqrt(self.mean_square_z):.4g} times as large as stated")
        return tuple(found)

    @property
    def _bias_z(self) -> float:
        return self.bias / self.bias_stderr if self.bias_stderr else math.nan

    @property
    def _doubts(self) -> tuple[str, ...]:
        found = []
        if self.concentrated:
            found.append("a few pixels carry most of the error: an outcome was drawn too rarely")
        if self.unknown:
            found.append(
                f"the standard error is not known at {self.unknown} of {self.pixels} pixels"
            )
        if self.noisy and not self.independent:
            found.append("errors of different pixels are correlated, which hides small differences")
        return tuple(found)

    @property
    def verdict(self) -> str:
        """The outcome in one sentence of plain words, which of two kinds of errors it speaks of."""
        nominal = "nominal " if 0 < self.noisy < _MANY_PIXELS else ""
        rate = f"{nominal}false-alarm rate {FALSE_ALARM_RATE:.0e}"
        if self.sampling is not None and self.sampling.agrees is False:
            why = "; ".join(self.sampling.objections)
            return f"disagrees with the exact convolution, and not by noise alone: {why} ({rate})"
        if self.sampling is not None and self.agrees is False:
            return (
                "disagrees with the exact convolution by the backend's noise, of root mean square "
                f"{self.noise_rms:.4g}; sampling errors are as large as stated ({rate})"
            )
        if self.agrees is False:
            careful = len(self.objections) == 1 and "errors are smaller" in self.objections[0]
            what = "stated errors, not with the" if careful else "exact"
            return f"disagrees with the {what} convolution: {'; '.join(self.objections)} ({rate})"
        if self.agrees is None:
            return f"undecided: {'; '.join(self._doubts)} ({rate})"
        if not self.noisy:
            return "agrees with the exact convolution: equal at every pixel but for rounding"
        return f"agrees with the exact convolution: errors are as large as stated ({rate})"

    def __str__(self) -> str:
        """A table of all figures, and the verdict."""
        width = max(len(name) for name, _ in self._rows())
        lines = [f"{name:<{width}}  {text}" for name, text in self._rows()]
        return "\n".join([*lines, f"{'verdict':<{width}}  {self.verdict}"])

    def _rows(self) -> list[tuple[str, str]]:
        figures = [
            ("pixels", self._pixel_text()),
            ("bias", f"{self.bias:.4g}{self._plus_minus()}"),
            ("RMSE", f"{self.rmse:.4g} ({self._predicted_text()})"),
            ("largest error", f"{self.max_error:.4g}"),
            ("PSNR", _number(self.psnr, "the exact result is constant", " dB")),
            ("SSIM", _number(self.ssim, "image smaller than its window, or constant")),
        ]
        if self.shots is not None:
            figures.insert(1, ("shots per pixel", self._shots_text()))
        if self.calls is not None:
            figures.append(("at equal cost", f"{self.unit_rmse:.4g} = {self._cost_text()}"))
        return figures + (self._noise_rows() if self.noisy else [])

    def _noise_rows(self) -> list[tuple[str, str]]:
        why = "errors of different pixels are correlated"
        return [
            (f"{100 * self.level:g} % intervals", f"cover {100 * self.coverage:.2f} %"),
            ("mean of z^2", f"{self.mean_square_z:.4g} (expected 1)"),
            ("largest |z|", f"{self.largest_z:.4g}"),
            ("p-value", _number(self.pvalue, why)),
        ]

    def _shots_text(self) -> str:
        if isinstance(self.shots, np.ndarray):
            return f"{self.shots.min()} to {self.shots.max()}, {self.shots.mean():.4g} on average"
        return f"{self.shots}"

    def _predicted_text(self) -> str:
        predicted = f"predicted {_number(self.predicted_rmse)}"
        if self.noise_rms is None:
            return predicted
        return f"{predicted} by sampling, {self.noise_rms:.4g} by noise"

    def _cost_text(self) -> str:
        return f"RMSE x root of {self.calls:,.6g} oracle calls per pixel"

    def _pixel_text(self) -> str:
        parts = [f"{self.noiseless} noiseless"] if self.noiseless else []
        parts += [f"{self.unknown} of unknown standard error"] if self.unknown else []
        return f"{self.pixels}" + (f" ({', '.join(parts)})" if parts else "")

    def _plus_minus(self) -> str:
        return "" if math.isnan(self.bias_stderr) else f" +- {self.bias_stderr:.2g}"


def _number(value: float, reason: str = "unknown", unit: str = "") -> str:
    return f"not available: {reason}" if math.isnan(value) else f"{value:.4g}{unit}"


def _correlated_limit(rate: float) -> float:
    """The mean of z^2 that normal errors, correlated in any way, exceed at most at this rate.

    By Jensen's inequality the mean's moment generating function is at most that of one z^2, whose
    Chernoff bound is ``sqrt(t) exp((1 - t) / 2)``; solved for ``t`` with Lambert's function.
    """
    return float(-special.lambertw(-(rate**2) / math.e, -1).real)
