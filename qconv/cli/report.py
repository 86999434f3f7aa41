"""Reports of the command line: printed tables and written files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import classical
import qconv
from qconv.cli.options import pictures_together
from qconv.methods.amplitude_estimation.diagnostics import AngleDiagnostics
from qconv.visualization.pictures import WHITE, GreyScale, write_picture

_Array = NDArray[np.float64]


def channels(image: _Array) -> list[_Array]:
    """Split a picture ``(H, W)`` or ``(H, W, C)`` into channels ``(H, W)``."""
    return [image] if image.ndim == 2 else list(np.moveaxis(image, 2, 0))


def together(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Stack channels ``(H, W)`` to a picture ``(H, W)`` or ``(H, W, C)``."""
    return parts[0] if len(parts) == 1 else np.dstack(parts)


@dataclass(frozen=True, eq=False)
class Report:
    """One convolved picture: ``str`` returns the tables, `write` writes the files."""

    image: _Array
    """Input picture, shape ``(H, W)`` or ``(H, W, 3)``, in grey levels."""
    exact: _Array
    """Exact convolution, the same number of axes."""
    results: list[qconv.Convolution]
    """Measured convolutions, one per channel."""
    kernel: _Array
    """Effective kernel of all steps."""
    plan: qconv.Plan
    """Plan of the first channel, whose cost is printed."""
    title: str
    """Title of the figure."""

    @cached_property
    def measured(self) -> qconv.Convolution:
        """All channels as one result; fields of single circuits are from the first channel."""
        first = self.results[0]
        fields = ("image", "stderr", "shots", "bias")
        arrays: dict[str, Any] = {
            name: together([getattr(result, name) for result in self.results])
            for name in fields
            if isinstance(getattr(first, name), np.ndarray)
        }
        return replace(
            first,
            oracle_calls=sum(result.oracle_calls for result in self.results),
            independent=all(result.independent for result in self.results),
            **arrays,
        )

    @cached_property
    def scale(self) -> GreyScale:
        """Values that are shown black and white."""
        return GreyScale.of(self.exact, self.kernel)

    @cached_property
    def comparison(self) -> classical.Comparison:
        """Comparison with the exact result; structural similarity averaged over the channels."""
        full = WHITE * float(
            np.abs(self.kernel).sum()
        )  # scale of rounding errors of a constant result
        data_range = full if np.ptp(self.exact) < 1e-9 * full else None
        whole = classical.compare(self.measured, self.exact, data_range=data_range)
        if self.exact.ndim == 2:
            return whole
        parts = zip(
            channels(self.measured.image),
            channels(self.measured.stderr),
            channels(self.exact),
            strict=True,
        )
        similarities = [
            classical.compare(
                replace(self.measured, image=image, stderr=stderr, bias=None), exact
            ).ssim
            for image, stderr, exact in parts
        ]
        return replace(whole, ssim=float(np.mean(similarities)))

    def __str__(self) -> str:
        tables = {"measured against exact (grey levels)": str(self.comparison)}
        if self.results[0].expected_success is not None:
            tables["success probability"] = _success(self.results)
        reliable = [
            result.diagnostics.reliable
            for result in self.results
            if isinstance(result.diagnostics, AngleDiagnostics)
        ]
        if reliable:
            tables["reliable standard errors"] = f"{100 * np.mean(reliable):.1f} % of the pixels"
        tables["circuit on a device"] = self.plan.cost.on_device
        return "\n\n".join(
            "\n".join([name, *(f"  {line}" for line in table.splitlines())])
            for name, table in tables.items()
        )

    def write(self, out: Path, figure_path: Path | None) -> None:
        """Write picture and figure to temporary files, then move them to their paths."""
        from qconv.visualization.figures import result_figure, save_figure

        with pictures_together(out, figure_path) as (partial_out, *partial_figures):
            write_picture(partial_out, self.measured.image, self.scale)
            if not partial_figures:
                return
            figure = result_figure(
                self.measured.image,
                self.measured.stderr,
                image=self.image,
                exact=self.exact,
                bias=self.measured.bias,
                propagator=self.plan.prepared.propagator,
                scale=self.scale,
                title=self.title,
            )
            save_figure(figure, *partial_figures)


def _success(results: list[qconv.Convolution]) -> str:
    """Format the measured and predicted success probability of all channels."""
    measured = np.mean([result.success_probability for result in results])
    stderr = np.hypot.reduce([result.success_stderr for result in results]) / len(results)
    predicted = np.mean([result.expected_success or 0.0 for result in results])
    return f"measured   {measured:.6f} +- {stderr:.2g}\npredicted  {predicted:.6f}"
