"""Sounds in ``qconv match``: WAV files of every depth, channels, and files that cannot be read."""

import wave

import numpy as np
import pytest
from scipy.io import wavfile
from skimage.io import imread

from qconv.cli import main
from qconv.cli.options import UsageError
from qconv.cli.sound_files import read_sound, waveform
from qconv.matching import figure as drawing
from qconv.visualization import figures as plotting

RATE = 8000
SOUND = np.cumsum(np.random.default_rng(0).normal(size=2000))
SOUND *= 0.9 / np.abs(SOUND).max()
FIRST = 500

#: Largest error of a sample, and the samples as each kind of file holds them.
KINDS = {
    "8 bits": (1 / 128, np.round(SOUND * 128 + 128).astype(np.uint8)),
    "16 bits": (2.0**-15, (SOUND * 2**15).astype(np.int16)),
    "32 bits": (2.0**-31, (SOUND * 2.0**31).astype(np.int32)),
    "float": (1e-7, SOUND.astype(np.float32)),
    "double": (0, SOUND),
}


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    """An empty working directory with a sound to find."""
    monkeypatch.chdir(tmp_path)
    wavfile.write("part.wav", RATE, SOUND[FIRST : FIRST + 400])
    wavfile.write("sound.wav", RATE, SOUND)


@pytest.fixture
def _quick(monkeypatch):
    monkeypatch.setattr(drawing, "sound_figure", lambda *args, **how: None)
    monkeypatch.setattr(plotting, "save_figure", lambda figure, path: path.write_bytes(b"a figure"))


def refused(capsys, *arguments):
    """Return the only line of the error message."""
    assert main(["match", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    return err


@pytest.mark.parametrize("kind", KINDS)
def test_every_depth(kind):
    error, samples = KINDS[kind]
    wavfile.write("a.wav", RATE, samples)
    found = read_sound("a.wav", "IMAGE", None)
    assert found.rate == RATE
    assert np.abs(found.samples - SOUND).max() <= error


def test_24_bits():
    with wave.open("a.wav", "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(3)
        file.setframerate(RATE)
        numbers = (SOUND * 2**23).astype(int)
        file.writeframes(b"".join(int(n).to_bytes(3, "little", signed=True) for n in numbers))
    assert np.abs(read_sound("a.wav", "IMAGE", None).samples - SOUND).max() <= 2.0**-23


def test_channels():
    wavfile.write("a.wav", RATE, np.stack([SOUND, -SOUND / 2], axis=1))
    for channel, wanted in (("1", SOUND), ("2", -SOUND / 2), ("mean", SOUND / 4)):
        np.testing.assert_allclose(read_sound("a.wav", "IMAGE", channel).samples, wanted)
        assert np.array_equal(read_sound("sound.wav", "IMAGE", channel).samples, SOUND)
    for channel in ("0", "3", "left"):
        with pytest.raises(UsageError, match="--channel: expected mean or 1 to 2, got"):
            read_sound("a.wav", "IMAGE", channel)
    with pytest.raises(UsageError, match=r"expected one channel, got 2 in 'a.wav'; .* --channel 1"):
        read_sound("a.wav", "IMAGE", None)


def test_a_sound_is_found(capsys):
    assert main(["match", "sound.wav", "part.wav", "--seed", "7", "--noise", "0.01"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "400 samples searched for in 2,000, seed 7: 10,000 executions" in out
    assert "position of first sample  500 (at 0.0625 s)" in out
    marked = imread("match.png")
    assert marked.shape == (240, 1200, 3)
    columns = np.flatnonzero((marked == (255, 30, 30)).all(axis=2).any(axis=0))
    assert columns.min() == pytest.approx(500 * 1200 / 2000, abs=8)
    assert columns.max() == pytest.approx(900 * 1200 / 2000, abs=8)
    assert (imread("match-figure.png").std(axis=(0, 1)) > 10).any()


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("options", [["--filter", "normalized", "--exact"], ["--quiet"]], ids=str)
def test_options(options, capsys):
    assert main(["match", "sound.wav", "part.wav", *options]) == 0
    assert "--quiet" in options or "500 (at 0.0625 s)" in capsys.readouterr().out


def test_refused(capsys):
    with open("sound.wav", "rb") as file:
        whole = file.read()
    law = bytearray(whole)
    law[20] = 7  # format code of mu-law
    contents = {"cut.wav": whole[:20], "empty.wav": b"", "text.wav": b"hello", "law.wav": law}
    for name, content in contents.items():
        with open(name, "wb") as file:
            file.write(content)
        wanted = f"IMAGE: expected a complete, uncompressed WAV file, got '{name}'"
        assert wanted in refused(capsys, name, "part.wav")
    wavfile.write("none.wav", RATE, SOUND[:0])
    assert "at least one sample" in refused(capsys, "none.wav", "part.wav")
    wavfile.write("fast.wav", 2 * RATE, SOUND)
    fast = refused(capsys, "fast.wav", "part.wav")
    assert "TEMPLATE: expected 16,000 samples per second, as in IMAGE, got 8,000" in fast
    assert "no such file: no.wav" in refused(capsys, "sound.wav", "no.wav")
    assert "expected a second sound" in refused(capsys, "sound.wav")
    assert "two pictures or two WAV files" in refused(capsys, "sound.wav", "a.png")
    assert "--channel: expected WAV files" in refused(capsys, "--channel", "1")
    with open("a.flac", "wb") as file:
        file.write(b"fLaC")
    assert "convert it to WAV first" in refused(capsys, "sound.wav", "a.flac")
    longer = refused(capsys, "part.wav", "sound.wav")
    assert "template: expected a shape no larger than the image, (400,), got (2000,)" in longer


@pytest.mark.parametrize("length", [1, 7, 1200, 3001])
def test_waveforms_cover_every_sample(length):
    samples = np.zeros(length)
    samples[-1] = -1.0
    picture, each = waveform(samples)
    assert picture.shape == (240, min(length, 1200))
    assert each == length / picture.shape[1]
    assert (picture == 60).any(axis=0).all()
    assert picture[-1, -1] == 60
