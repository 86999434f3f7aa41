"""Reading recordings from WAV files, and showing them as pictures."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qconv.cli.options import UsageError
from qconv.cli.streams import say

_Array = NDArray[np.float64]

#: File name endings of recordings; only WAV files can be read.
_WAV, _OTHERS = (".wav", ".wave"), (".flac", ".ogg", ".mp3", ".aif", ".aiff", ".m4a", ".opus")

#: Rows and maximum number of columns of the picture of a recording.
_ROWS, _COLUMNS = 240, 1200


@dataclass(frozen=True, eq=False)
class Sound:
    """One channel of a recording."""

    samples: _Array
    """Samples, shape ``(N,)``; integers are divided by their full scale, so they are below 1."""
    rate: int
    """Samples per second."""

    def seconds(self, sample: int) -> str:
        """Format the time of a sample, to a tenth of the time between two samples."""
        digits = len(str(self.rate))
        return f"{sample / self.rate:.{digits}f} s"


def is_sound(path: str) -> bool:
    """Return whether a file is a recording, according to its first bytes or its name."""
    try:
        with open(path, "rb") as file:
            start = file.read(12)
    except OSError:
        start = b""
    by_content = start[:4] in (b"RIFF", b"RIFX", b"RF64") and start[8:] == b"WAVE"
    return by_content or Path(path).suffix.lower() in (*_WAV, *_OTHERS)


def read_sound(path: str, name: str, channel: str | None) -> Sound:
    """Read a WAV file with SciPy.

    Args:
        path: File of integers of 8 to 64 bits or floating-point numbers, without compression.
        name: Name of the argument, for messages.
        channel: Number of the channel, from 1, or ``"mean"`` for the mean of all channels. None if
            it is not given; the channel of a file with a single channel is read in any case.

    Raises:
        UsageError: If the file cannot be read, or the channel does not exist or is not known.
    """
    from scipy.io import wavfile

    if not Path(path).exists():
        raise UsageError(f"{name}: no such file: {path}")
    if Path(path).suffix.lower() in _OTHERS:
        raise UsageError(f"{name}: expected a WAV file, got '{path}'; convert it to WAV first")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            rate, samples = wavfile.read(path)
        except OSError as error:
            raise UsageError(f"{name}: {error.strerror or error}: '{path}'") from error
        except Exception as error:  # damaged files cause errors of many types
            why = str(error) or type(error).__name__
            raise UsageError(
                f"{name}: expected a complete, uncompressed WAV file, got '{path}' ({why})"
            ) from error
    for warning in caught:
        if "not understood" not in str(warning.message):  # chunks of other programs
            say(f"{name}: {path}: {warning.message}")
    if not samples.size or rate < 1:
        raise UsageError(f"{name}: expected at least one sample and a sampling rate in '{path}'")
    return Sound(_one_channel(_scaled(samples), path, name, channel), int(rate))


def _scaled(samples: NDArray[np.generic]) -> _Array:
    """Return samples as floating-point numbers; the full scale of integers is 1."""
    numbers = samples.astype(np.float64)
    if samples.dtype.kind == "u":
        return (numbers - 128) / 128  # 8 bits
    if samples.dtype.kind == "i":
        return numbers / 2.0 ** (8 * samples.itemsize - 1)
    return numbers


def _one_channel(samples: _Array, path: str, name: str, channel: str | None) -> _Array:
    """Return the requested channel of samples, shape ``(N,)`` or ``(N, channels)``."""
    samples = samples.reshape(len(samples), -1)
    count = samples.shape[1]
    if count == 1:
        return samples[:, 0]
    if channel == "mean":
        return np.asarray(samples.mean(axis=1))
    if channel is None:
        raise UsageError(
            f"{name}: expected one channel, got {count} in '{path}'; "
            "select one with --channel 1, or use --channel mean"
        )
    if not (channel.isdecimal() and 1 <= int(channel) <= count):
        raise UsageError(f"--channel: expected mean or 1 to {count}, got '{channel}' for '{path}'")
    return samples[:, int(channel) - 1]


def waveform(samples: _Array) -> tuple[_Array, float]:
    """Draw samples dark on white; return the picture and the number of samples per column."""
    columns = min(len(samples), _COLUMNS)
    starts = np.arange(columns) * len(samples) // columns
    top, bottom = (part.reduceat(samples, starts) for part in (np.maximum, np.minimum))
    scale = float(np.abs(samples).max()) or 1.0
    rows = np.linspace(scale, -scale, _ROWS)[:, np.newaxis]
    half = scale / (_ROWS - 1)  # at least one row in every column
    dark = (rows <= top + half) & (rows >= bottom - half)
    return np.where(dark, 60.0, 255.0), len(samples) / columns
