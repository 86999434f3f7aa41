"""Files to which a result is written: the picture, its standard errors and its figure."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import qconv
from qconv._checks import Numbers
from qconv.cli.convolve_options import FORMATS
from qconv.cli.options import (
    FIGURES,
    UsageError,
    pictures_together,
    require_different,
    require_place,
)
from qconv.cli.space import Space
from qconv.cli.streams import say
from qconv.visualization.pictures import GreyScale, Picture, keeps_brightness
from qconv.visualization.writing import Form, write_numbers

#: Path of standard output.
_STDOUT = Path("/dev/stdout")

#: Ending of the files of a saved result.
_WHOLE = ".npz"

#: Allowed file name endings, by option.
_WRITABLE = {
    "--out": FORMATS,
    "--stderr": tuple(ending for ending in FORMATS if ending != _WHOLE),
    "--figure": FIGURES,
}

#: File name endings of results, by the format of the input; .png for all other formats.
_ENDINGS = {"TIFF": ".tif", "NPY": ".npy", "NPZ": ".npz", "PPM": ".ppm"}


@dataclass(frozen=True)
class Target:
    """Files for the result of one picture."""

    picture: Picture
    """Input of the convolution."""
    space: Space
    """Axes of the input."""
    files: Mapping[str, Path]
    """Files by option: ``--out`` and, if they are written, ``--stderr`` and ``--figure``."""
    forms: Mapping[str, Form]
    """Forms of the written numbers, by option; without ``--out`` if it holds the whole result."""

    @classmethod
    def of(
        cls,
        options: argparse.Namespace,
        picture: Picture,
        space: Space,
        inputs: Mapping[str, str | None],
        *,
        is_complex: bool = False,
        draw: bool = True,
    ) -> Target:
        """Choose the files for one picture, and check that they can be written.

        Args:
            options: Options of the command line.
            picture: Input of the convolution.
            space: Space of the input.
            inputs: Paths of input files, by their description.
            is_complex: Whether the result is complex.
            draw: Whether one picture has a figure even without ``--figure``.

        Raises:
            UsageError: If a file cannot be written, cannot hold the numbers, or would be lost.
        """
        stack = picture.axes not in ("YX", "YXS") or options.volume
        default = ".tif" if stack or _only_floats(picture) else ".png"
        if picture.dtype.kind == "c":
            default = ".npy"
        given = None if options.format is None else f".{options.format}"
        out = _standard(options.out or Path(f"result{given or default}"))
        if given is not None and _ending(out, given) != given:
            raise UsageError(f"--format: expected the format of '{out}', got {options.format}")
        drawn = draw and not stack and out.suffix.lower() in FORMATS
        figure = options.figure or (out.with_name(f"{out.stem}-figure.png") if drawn else None)
        if stack and figure is not None and len(space.places) != len(space.axes):
            raise UsageError("--figure: expected one picture or one volume, got a stack")
        stderr = None if options.stderr is None else _standard(options.stderr)
        wanted = {"--out": out, "--stderr": stderr, "--figure": figure}
        files = {name: path for name, path in wanted.items() if path is not None}
        for name, path in files.items():
            require_place(name, path, _WRITABLE[name], inputs, overwrite=options.overwrite)
        require_different(files)
        own = _ENDINGS.get(picture.kind, default)
        own = given or own
        forms: dict[str, Form] = {}
        for name in ("--out", "--stderr"):
            if name in files:
                ending = _ending(files[name], own)
                kind = options.out_type if name == "--out" else None
                form = _form(name, ending, kind, picture, space, is_complex=is_complex)
                forms |= {} if form is None else {name: form}
        return cls(picture, space, files, forms)

    def needs_exact(self, kernel: Numbers) -> bool:
        """Return whether writing needs the exact result: for a figure, or the scale of grey levels.

        ``kernel`` is the effective kernel.
        """
        form = self.forms.get("--out")
        stretched = form is not None and form.top is not None
        bright = keeps_brightness(kernel) and self.picture.dtype.kind != "c"
        return "--figure" in self.files or (stretched and not bright)

    def write(
        self,
        result: qconv.Convolution,
        exact: Numbers,
        kernel: Numbers,
        draw: Callable[[Path, GreyScale], None] | None = None,
    ) -> str:
        """Write all files or none; return a description of them.

        Args:
            result: Result to write.
            exact: Exact result, or its best estimate.
            kernel: Effective kernel.
            draw: Function that draws the figure to a file, on a scale; None without a figure.
        """

        def scale(given: GreyScale) -> GreyScale:
            return GreyScale.of(exact, kernel, given)

        told = []
        with pictures_together(*self.files.values()) as partial:
            for (name, path), place in zip(self.files.items(), partial, strict=True):
                form = self.forms.get(name)
                if name == "--figure" and draw is not None:
                    draw(place, scale(self.picture.scale))
                    told.append(f"{path}")
                elif form is None:
                    _save(place, result)
                    told.append(f"{path} (the whole result)")
                else:
                    told.append(self._wrote(name, path, place, result, scale))
        return ", ".join(told[:-1]) + " and " * (len(told) > 1) + told[-1]

    def _wrote(
        self,
        name: str,
        path: Path,
        place: Path,
        result: qconv.Convolution,
        scale: Callable[[GreyScale], GreyScale],
    ) -> str:
        """Write estimates or standard errors; describe the file.

        Files that hold no complex numbers get magnitudes, and standard errors of magnitudes.
        """
        form, of = self.forms[name], ""
        if result.covariance is not None and form.dtype.kind != "c":
            result, of = result.magnitude(), "magnitudes, "
        if name == "--out":
            return f"{path} ({of}{self._numbers(place, result.image, form, scale)})"
        top = float(np.nanmax(np.abs(result.stderr), initial=0.0)) or 1.0
        what = self._numbers(place, result.stderr, form, _fixed(GreyScale(0.0, top)))
        return f"standard errors to {path} ({of}{what})"

    def say_losses(self, wrote: str) -> None:
        """Print what was written if numbers were clipped, except grey levels for display."""
        form = self.forms.get("--out")
        if form is not None and form.top is None and "clipped" in wrote:
            say(f"wrote {wrote}")

    def _numbers(
        self, path: Path, values: Numbers, form: Form, scale: Callable[[GreyScale], GreyScale]
    ) -> str:
        """Write numbers with the axes of the input; describe them."""
        how: dict[str, Any] = {"axes": self.space.axes, "calibration": self.picture.calibration}
        return write_numbers(path, values, form, scale=scale, **how)


def _fixed(scale: GreyScale) -> Callable[[GreyScale], GreyScale]:
    """Return a function that ignores the scale of the input and returns a fixed scale."""
    return lambda _: scale


def _form(
    name: str,
    ending: str,
    wanted: str | None,
    picture: Picture,
    space: Space,
    *,
    is_complex: bool,
) -> Form | None:
    """Return how numbers are written to a file with this ending; None for a whole result."""
    if ending == _WHOLE and name == "--out":
        if wanted is not None:
            raise UsageError("--out-type: a .npz file holds float64 numbers")
        return None
    ending = ending if ending != _WHOLE else ".npy"
    try:
        found = Form.of(ending, picture, wanted, is_complex=is_complex)
    except ValueError as error:
        raise UsageError(f"--out-type: {error}") from None
    try:
        found.require_axes(space.axes)
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None
    return found


def _only_floats(picture: Picture) -> bool:
    """Return whether only floating-point numbers hold results in the unit of the input."""
    return picture.dtype.kind not in "bu" or (picture.white or 0) > 65535


def _standard(path: Path) -> Path:
    """Return the path of standard output for ``-``."""
    return _STDOUT if str(path) == "-" else path


def _ending(path: Path, default: str) -> str:
    """Return the ending of a path, in lower case; the default for pipes without one."""
    ending = path.suffix.lower()
    return ending if ending in FORMATS else default


def _save(path: Path, result: qconv.Convolution) -> None:
    """Write a whole result, as ``Convolution.save`` does."""
    with open(path, "wb") as file:
        np.savez(file, **result.arrays())  # type: ignore[arg-type]
