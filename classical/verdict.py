"""Verdict of a comparison: whether the estimate is consistent with the exact result."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

FALSE_ALARM_RATE = 1e-6
_MANY_PIXELS = 1000

#: Tolerated relative deviation of the standard errors, and tolerated bias as a fraction of the
#: standard errors. Many pixels reveal that estimates are only approximately right at finite numbers
#: of shots.
_MARGIN = 0.02

#: Counts per pixel below which standard errors are only roughly known. If at least the second
#: number, as a fraction of the pixels, has fewer counts, this explains standard errors that are too
#: large.
FEW_COUNTS = 20
_FEW_PIXELS = 0.05


@dataclass(frozen=True, eq=False)
class Evidence:
    """Statistics of a comparison; the verdict is based on them."""

    pixels: int
    """Number of pixels."""
    noisy: int
    """Number of pixels with a known, non-negligible standard error."""
    noiseless: int
    """Number of pixels whose standard error is 0 or within rounding error of 0."""
    wrong: int
    """Number of noiseless pixels that differ from the exact value by more than rounding."""
    shots: int | NDArray[np.int64] | None
    """Shots per pixel, one number or an array; None if the result does not provide them."""
    calls: float | None
    """Oracle calls per pixel; None if their number is unknown or 0."""
    independent: bool
    """Whether the errors of different pixels are independent."""
    bias: float
    """Mean error over all pixels, in the unit of the image."""
    bias_stderr: float
    """Standard error of the bias; NaN if errors are correlated or a standard error is unknown."""
    rmse: float
    """Root mean square error, in the unit of the image."""
    unit_rmse: float | None
    """RMSE times the square root of the oracle calls per pixel; None without oracle calls.

    It is the RMSE at one oracle call and compares results at equal cost.
    """
    predicted_rmse: float
    """Root mean square of the standard errors; NaN if a standard error is unknown."""
    max_error: float
    """Largest absolute error, in the unit of the image."""
    psnr: float
    """Peak signal-to-noise ratio in decibels; infinite if the RMSE is 0, NaN if the range is 0."""
    ssim: float
    """Structural similarity; NaN if the image is constant or smaller than the 7-pixel window."""
    level: float
    """Confidence level of the intervals, between 0 and 1."""
    coverage: float
    """Fraction of noisy pixels with the exact value in their interval; NaN without noisy pixels."""
    mean_square_z: float
    """Mean of z^2 over the noisy pixels (expected: 1); NaN without noisy pixels."""
    largest_z: float
    """Largest ``|z|`` of the noisy pixels; NaN without noisy pixels."""
    largest_z_limit: float
    """Largest ``|z|`` expected if standard errors are right; infinite below 1000 noisy pixels."""
    concentrated: bool
    """Whether at most 20 pixels carry most of the error because an outcome was drawn too rarely."""
    noise_rms: float | None
    """Root mean square of the mean error due to noise; None if the result does not provide it."""
    loading_rms: float | None
    """Root mean square of the error due to approximate loading; None if the result does not provide
    it."""
    sampling: "Evidence | None"
    """Comparison after subtracting the mean errors due to noise and to loading, for the error of
    sampling alone.

    None if the result provides neither.
    """
    few: float | None
    """Fraction of pixels with fewer than 20 counts; None if the result does not provide counts."""
    pvalue: float
    """Two-sided p-value for a mean z^2 of 1; NaN for correlated errors or without noisy pixels."""

    @property
    def unknown(self) -> int:
        """Number of pixels whose standard error is NaN."""
        return self.pixels - self.noisy - self.noiseless

    @property
    def agrees(self) -> bool | None:
        """Whether estimate and exact result agree within the errors; None if undecided."""
        if self.sampling is not None and self.sampling.agrees is False:
            return False
        if self.objections:
            return None if self.concentrated else False
        return None if self._doubts else True

    @property
    def objections(self) -> tuple[str, ...]:
        """Findings that contradict the estimate. Each test has a third of the false-alarm rate."""
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
                f"{self._few_counts if ratio < 1 else ''}"
            )
        small = abs(self.bias) <= _MARGIN * self.predicted_rmse
        if self.noisy and not small and math.erfc(abs(self._bias_z) / math.sqrt(2)) < limit:
            found.append(f"the bias is {self._bias_z:.4g} times its standard error")
        if self.largest_z > self.largest_z_limit:
            found.append(f"one pixel is off by {self.largest_z:.4g} standard errors")
        if not self.independent and self.mean_square_z > _correlated_limit(limit):
            found.append(f"errors are {math.sqrt(self.mean_square_z):.4g} times as large as stated")
        return tuple(found)

    @property
    def _few_counts(self) -> str:
        """Explanation of standard errors that are too large; empty if there are enough counts."""
        if self.few is None or self.few < _FEW_PIXELS:
            return ""
        return (
            f", as is usual with few counts: {100 * self.few:.0f} % of the pixels have fewer than "
            f"{FEW_COUNTS}; with more shots, standard errors become accurate"
        )

    @property
    def _bias_z(self) -> float:
        return self.bias / self.bias_stderr if self.bias_stderr else math.nan

    @property
    def _doubts(self) -> tuple[str, ...]:
        found = []
        if self.concentrated:
            found.append("a few pixels cause most of the error: an outcome was drawn too rarely")
        if self.unknown:
            found.append(f"the standard error is unknown at {self.unknown} of {self.pixels} pixels")
        if self.noisy and not self.independent:
            found.append("errors of different pixels are correlated, which hides small differences")
        return tuple(found)

    @property
    def verdict(self) -> str:
        """Outcome of the comparison in one sentence, separating noise from sampling errors."""
        nominal = "nominal " if 0 < self.noisy < _MANY_PIXELS else ""
        rate = f"{nominal}false-alarm rate {FALSE_ALARM_RATE:.0e}"
        if self.sampling is not None and self.sampling.agrees is False:
            why = "; ".join(self.sampling.objections)
            return (
                f"disagrees with the exact convolution, not only because of {self._named_causes}: "
                f"{why} ({rate})"
            )
        if self.sampling is not None and self.agrees is False:
            return (
                f"disagrees with the exact convolution because of {self._measured_causes}; "
                f"sampling errors are as large as stated ({rate})"
            )
        if self.agrees is False:
            careful = len(self.objections) == 1 and "errors are smaller" in self.objections[0]
            what = "stated errors, not with the" if careful else "exact"
            return f"disagrees with the {what} convolution: {'; '.join(self.objections)} ({rate})"
        if self.agrees is None:
            return f"undecided: {'; '.join(self._doubts)} ({rate})"
        if not self.noisy:
            return "agrees with the exact convolution: equal at every pixel except for rounding"
        return f"agrees with the exact convolution: errors are as large as stated ({rate})"

    @property
    def _named_causes(self) -> str:
        """Names of the causes of systematic errors that are known."""
        causes = {"noise": self.noise_rms, "approximate loading": self.loading_rms}
        return " and ".join(name for name, found in causes.items() if found is not None)

    @property
    def _measured_causes(self) -> str:
        """Causes of systematic errors that are known, with their sizes."""
        causes = {
            "the backend's noise": self.noise_rms,
            "the approximate loading of the image": self.loading_rms,
        }
        known = [(name, found) for name, found in causes.items() if found is not None]
        return " and ".join(f"{name} (root mean square {found:.4g})" for name, found in known)

    def __str__(self) -> str:
        """Format a table of all statistics and the verdict."""
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
            (
                "SSIM",
                _number(
                    self.ssim, "the exact result is constant or has an axis of fewer than 7 pixels"
                ),
            ),
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
        causes = {"noise": self.noise_rms, "loading": self.loading_rms}
        known = [f"{found:.4g} by {name}" for name, found in causes.items() if found is not None]
        return ", ".join([f"{predicted} by sampling", *known]) if known else predicted

    def _cost_text(self) -> str:
        return f"RMSE x square root of {self.calls:,.6g} oracle calls per pixel"

    def _pixel_text(self) -> str:
        parts = [f"{self.noiseless} noiseless"] if self.noiseless else []
        parts += [f"{self.unknown} with unknown standard error"] if self.unknown else []
        return f"{self.pixels}" + (f" ({', '.join(parts)})" if parts else "")

    def _plus_minus(self) -> str:
        return "" if math.isnan(self.bias_stderr) else f" +- {self.bias_stderr:.2g}"


def _number(value: float, reason: str = "unknown", unit: str = "") -> str:
    return f"not available: {reason}" if math.isnan(value) else f"{value:.4g}{unit}"


def _correlated_limit(rate: float) -> float:
    """Return the mean of z^2 that arbitrarily correlated normal errors exceed at most at this rate.

    By Jensen's inequality, the moment generating function of the mean is at most the moment
    generating function of a single z^2. The Chernoff bound of a single z^2 is
    ``sqrt(t) exp((1 - t) / 2)``. Lambert's function solves it for ``t``.
    """
    return float(-special.lambertw(-(rate**2) / math.e, -1).real)
