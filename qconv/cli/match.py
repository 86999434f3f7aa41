"""The command ``qconv match``, which finds a picture in a picture, or a sound in a recording."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

import qconv
from qconv.cli.options import (
    Parser,
    UsageError,
    add_outputs,
    brightness,
    only_picture,
    output_paths,
    pictures_together,
    read_input,
    require_extras,
    require_sampling,
    seed_of,
    shots,
    tables_of,
)
from qconv.cli.sound_files import Sound, is_sound, read_sound, waveform
from qconv.visualization.decoded import Decoded
from qconv.visualization.pictures import WHITE, GreyScale, Picture, picture_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_Array = NDArray[np.float64]

#: Rows and columns of the default template, one of the coins in the default picture.
_COIN = (slice(93, 147), slice(242, 299))

#: File name endings of the formats of the large picture with a box.
MARKED = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")

#: Copy of the filters that the library defines in a module that is slow to import.
FILTERS = ("phase", "correlation", "normalized")

_DESCRIPTION = """\
Find a small picture in a large one, or a sound in a recording, by measuring a quantum circuit.

The amplitudes of the circuit encode the large picture. The circuit applies a filter, computed
from the small picture, between two quantum Fourier transforms. Each shot, one run of the
circuit with its measurement, gives one position. The positions with the most shots are
then compared with the small picture classically. The most similar position is the match.

The command prints the match, its similarity to the small picture, and its certainty: the
probability that no other position is more similar. The command writes the large picture with
a box around the match, and a figure. Colour pictures are converted to their luminance.
Recordings are WAV files with the same sampling rate; the picture of a recording is its
waveform.

filters:
  phase         Changes only phases, so no shot is lost. The match is a peak of one pixel.
                Both pictures are first standardised locally, by classical computation.
  correlation   Cross-correlation of the pictures, after subtracting their means. A shot is
                lost if an additional qubit, the flag, does not read 0.
  normalized    The correlation, divided at each position by the norms of the template and of
                the window at that position. The norms are computed classically.
"""

_EPILOG = """\
examples:
  qconv match                              find a coin among coins, write match.png
  qconv match photo.jpg detail.png --out found.png
  qconv match --noise 40 --shots 3000 --seed 1
  qconv match photo.jpg detail.png --filter normalized --shots 1000000
  qconv match concert.wav theme.wav --channel mean
"""


def parser() -> Parser:
    """Return the parser of all options."""
    made = Parser("qconv match", _DESCRIPTION, _EPILOG)
    what = made.add_argument_group("what to find")
    what.add_argument(
        "image",
        nargs="?",
        metavar="IMAGE",
        help="greyscale or colour picture, or a WAV file (default: the coins from scikit-image)",
    )
    what.add_argument(
        "template",
        nargs="?",
        metavar="TEMPLATE",
        help="picture or sound to find in IMAGE, not larger than IMAGE",
    )
    what.add_argument(
        "--channel",
        metavar="CHANNEL",
        help="channel of WAV files with several channels: a number from 1, or mean",
    )
    what.add_argument(
        "--noise",
        type=float,
        default=0.0,
        metavar="SD",
        help="standard deviation of noise to add to IMAGE, in the unit of the picture. For a "
        "recording, it is relative to the full scale (default: 0)",
    )
    how = made.add_argument_group("how to find it")
    how.add_argument(
        "--filter", choices=FILTERS, default="phase", help="filter, see above (default: phase)"
    )
    how.add_argument(
        "--shots",
        type=shots,
        default=10_000,
        metavar="N",
        help="total number of shots (default: 10000)",
    )
    how.add_argument(
        "--exact",
        action="store_true",
        help="compute the exact expectation from the circuit, without shots",
    )
    how.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="seed; the same seed gives bit-identical results (default: random)",
    )
    add_outputs(made, "match.png", "file for IMAGE with a box around the match")
    return made


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the arguments; raise a `UsageError` for an option that is wrong or has no effect."""
    options, given = parser().parse_args(arguments), parser().given(arguments)
    require_sampling(options, given, "shots")
    return options


def run(options: argparse.Namespace) -> str:
    """Run the command; return the text to print."""
    require_extras()
    from skimage.io import imsave

    import classical
    from qconv.matching.template import match_plan
    from qconv.visualization.figures import save_figure
    from qconv.visualization.pictures import boxed

    inputs = {"large picture": options.image, "template": options.template}
    out, figure_path = output_paths(options, MARKED, inputs)
    seed = seed_of(options)
    found = _inputs(options)
    rng = np.random.default_rng(seed)
    if options.noise:
        if not (np.isfinite(options.noise) and options.noise > 0):
            raise UsageError(f"--noise: expected a number >= 0, got {options.noise:g}")
        found = found.noisy(rng, options.noise)
    image, template = found.image, found.template
    started = time.perf_counter()
    shots = None if options.exact else options.shots
    match = qconv.match_template(image, template, filter=options.filter, shots=shots, seed=rng)
    seconds = time.perf_counter() - started
    exact = np.abs(classical.match_template(image, template, filter=options.filter))
    title = f"{options.filter} filter, "
    title += "exact expectation" if match.shots is None else f"{match.shots:,} shots"
    title += f", noise of {options.noise:g} {found.level}" if options.noise else ""
    marked = boxed(*found.drawn(match))
    with pictures_together(out, figure_path) as (partial, *partial_figures):
        imsave(os.fspath(partial), marked, check_contrast=False)
        for path in partial_figures:
            save_figure(found.figure(marked, match, exact, title), path)
    if options.quiet:
        return ""
    sizes = [
        " x ".join(f"{side:,}" if array.ndim == 1 else str(side) for side in array.shape)
        for array in (image, template)
    ]
    executions = f"{match.shots or 0:,} executions in {seconds:.2f} s"
    head = f"{sizes[1]} {found.items} searched for in {sizes[0]}, seed {seed}: {executions}"
    cost = match_plan(image, template, options.filter, shots=match.shots).cost
    wrote = f"{out}" if figure_path is None else f"{out} and {figure_path}"
    text = f"{head}\n\n{_tables(match, exact, found, cost.on_device)}\n\nwrote {wrote}"
    return tables_of((out, figure_path), text)


@dataclass(frozen=True, eq=False)
class _Pictures:
    """A large picture and a template."""

    picture: _Array
    """The large picture, shape ``(H, W)`` or ``(H, W, 3)``."""
    template: _Array
    """The luminance of the template, shape ``(h, w)``."""
    scale: GreyScale
    """Values of the large picture that are shown as black and as white."""
    items: ClassVar[str] = "pixels"
    """Elements of an input."""
    level: ClassVar[str] = "in its unit"
    """Unit of noise."""

    @property
    def image(self) -> _Array:
        """Brightness of the large picture."""
        return brightness(self.picture)

    def noisy(self, rng: np.random.Generator, spread: float) -> _Pictures:
        """Return the inputs with noise in the large one."""
        image = self.image
        return replace(self, picture=image + rng.normal(scale=spread, size=image.shape))

    def drawn(self, match: qconv.Match) -> tuple[_Array, tuple[int, ...], tuple[int, ...]]:
        """Return the large picture in grey levels, and the corner and the shape of the match."""
        return WHITE * self.scale.apply(self.picture), match.position, self.template.shape

    def figure(
        self, marked: NDArray[np.uint8], match: qconv.Match, exact: _Array, title: str
    ) -> Figure:
        """Draw the figure; ``marked`` is the picture with a box around the match."""
        from qconv.matching.figure import match_figure

        return match_figure(marked, self.template, match, exact, title=title)

    def place(self, position: Sequence[int]) -> str:
        """Format a position."""
        return f"row {position[0]}, column {position[1]}"


@dataclass(frozen=True, eq=False)
class _Sounds:
    """A recording and a shorter sound."""

    recording: Sound
    """The recording."""
    sound: Sound
    """The sound to find."""
    items: ClassVar[str] = "samples"
    """Elements of an input."""
    level: ClassVar[str] = "of full scale"
    """Unit of noise."""

    @property
    def image(self) -> _Array:
        """Samples of the recording."""
        return self.recording.samples

    @property
    def template(self) -> _Array:
        """Samples of the sound to find."""
        return self.sound.samples

    def noisy(self, rng: np.random.Generator, spread: float) -> _Sounds:
        """Return the inputs with noise in the recording."""
        noisy = self.image + rng.normal(scale=spread, size=self.image.shape)
        return replace(self, recording=replace(self.recording, samples=noisy))

    def drawn(self, match: qconv.Match) -> tuple[_Array, tuple[int, ...], tuple[int, ...]]:
        """Return the waveform of the recording, and the corner and the shape of the match."""
        picture, each = waveform(self.image)
        first = int(match.position[0] / each)
        last = int(np.ceil((match.position[0] + len(self.template)) / each))
        return picture, (0, first), (picture.shape[0], max(1, last - first))

    def figure(
        self, marked: NDArray[np.uint8], match: qconv.Match, exact: _Array, title: str
    ) -> Figure:
        """Draw the figure; the waveform replaces the picture ``marked``."""
        from qconv.matching.figure import sound_figure

        rate = self.recording.rate
        return sound_figure(self.image, self.template, match, exact, rate, title=title)

    def place(self, position: Sequence[int]) -> str:
        """Format a position."""
        return f"{position[0]:,} (at {self.recording.seconds(position[0])})"


_Inputs: TypeAlias = _Pictures | _Sounds


def _inputs(options: argparse.Namespace) -> _Inputs:
    """Read both inputs, which are pictures or sounds."""
    paths = options.image, options.template
    sounds = [path is not None and is_sound(path) for path in paths]
    if options.channel is not None and not any(sounds):
        raise UsageError("--channel: expected WAV files, got pictures")
    if options.image is None:
        from skimage import data

        coins = picture_of(Decoded(np.asarray(data.coins()), WHITE))
        return _Pictures(coins.numbers, coins.numbers[_COIN], coins.scale)
    if options.template is None:
        what = "sound" if sounds[0] else "picture"
        raise UsageError(f"TEMPLATE: expected a second {what}, to find in the first")
    if not any(sounds):
        picture = _picture(options.image, "IMAGE")
        template = _picture(options.template, "TEMPLATE")
        return _Pictures(picture.numbers, brightness(template.numbers), picture.scale)
    if not all(sounds):
        names = " and ".join(f"'{path}'" for path in paths)
        raise UsageError(f"IMAGE, TEMPLATE: expected two pictures or two WAV files, got {names}")
    recording = read_sound(options.image, "IMAGE", options.channel)
    sound = read_sound(options.template, "TEMPLATE", options.channel)
    if sound.rate != recording.rate:
        raise UsageError(
            f"TEMPLATE: expected {recording.rate:,} samples per second, as in IMAGE, got "
            f"{sound.rate:,}; resample one of the files first"
        )
    return _Sounds(recording, sound)


def _picture(path: str, name: str) -> Picture:
    """Read one picture, not a stack."""
    return only_picture(read_input(path, name), name, path)


def _tables(match: qconv.Match, exact: _Array, found: _Inputs, cost: str) -> str:
    """Format the answer, the maximum of the exact map, and the cost of the circuit."""
    best = tuple(int(index) for index in np.unravel_index(exact.argmax(), exact.shape))
    same = "the same position" if best == match.position else found.place(best)
    rows = {
        f"position of first {found.items[:-1]}": found.place(match.position),
        "similarity (classical)": f"{match.similarity:.4f}",
        "positions compared": f"{len(match.candidates):,} of {match.map.size:,}",
        "certainty": match.percent,
        "maximum of exact map": same,
        "success probability": f"{match.success_probability:.6f}",
    }
    lines = [f"  {name:<26}{text}" for name, text in rows.items()]
    device = [f"  {line}" for line in cost.splitlines()]
    return "\n".join(["found", *lines, "", "circuit on a device", *device])
