"""The command in a process whose standard streams are closed, full, or unread."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import qconv
from qconv.cli import convolve_options, main, match, streams
from qconv.matching import template
from qconv.methods import blocks
from qconv.methods.amplitude_estimation import method as estimation
from qconv.methods.whole_image import amplification, register_layout
from qconv.visualization import writing

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the shell of Unix")

GREY = np.random.default_rng(0).integers(0, 256, (6, 7)).astype(np.uint8)
#: Thousands of short circuits.
LONG = "--method fourier --blocks overlap-save --qubits 6 --shots 5"

QUICK = "in.png --shots 5 --seed 1 --out out.npy"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(GREY).save("in.png")
    return tmp_path


def shell(rest):
    """Return a shell command that begins with the command."""
    command = f"{sys.executable} -m qconv {rest}"
    return subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )


def names():
    return sorted(os.listdir())


@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed(closed):
    done = shell(f"{QUICK} {closed}")
    assert (done.returncode, done.stderr) == (0, "")
    assert ("wrote out.npy" in done.stdout) == (closed in ("2>&-", "<&-"))
    assert names() == ["in.png", "out-figure.png", "out.npy"]
    assert np.load("out.npy").shape == GREY.shape


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "2>/dev/full", "2>&- >&-"])
def test_wrong_input(closed):
    done = shell(f"missing.png {closed}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("qconv: IMAGE: no such file: missing.png\n" if closed == ">&-" else "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize("arguments", [QUICK, "--help", "--version", "match --help"])
def test_full(arguments):
    done = shell(f"{arguments} > /dev/full")
    assert done.returncode == 2
    assert done.stderr == "qconv: standard output: No space left on device\n"
    assert ("out.npy" in names()) == (arguments == QUICK)


def test_letters_that_the_terminal_lacks():
    Path("in.png").rename("s\u00fc\u00df.png")
    env = os.environ | {"PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "qconv", "s\u00fc\u00df.png", "--shots", "5", "--out"]
    done = subprocess.run(
        [*command, "\u00e4.png"], capture_output=True, timeout=60, check=False, env=env
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"wrote \\xe4.png" in done.stdout


@pytest.mark.parametrize("arguments", ["--help", "match --help"])
def test_a_reader_that_has_gone(arguments):
    done = shell(f"{arguments} | true")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def interruptible():
    """Restore the handler of interrupts in a child, because background tests ignore them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_interrupted_while_importing():
    """Importing takes at least half a second."""
    code = (
        "import os, signal, sys\n"
        "class Impatient:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'qiskit': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Impatient())\n"
        "from qconv.cli import main; sys.exit(main(['in.png']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=interruptible,
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "qconv: interrupted; nothing was written\n"
    assert names() == ["in.png"]


def test_interrupted_at_work():
    process = subprocess.Popen(
        [sys.executable, "-m", "qconv", *LONG.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=interruptible,
    )
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err == "qconv: interrupted; nothing was written\n"
    assert names() == ["in.png"]


def test_interrupted_while_printing(monkeypatch, capsys):
    def interrupted(text):
        raise KeyboardInterrupt

    monkeypatch.setattr("qconv.cli.print_out", interrupted)
    assert main(QUICK.split()) == 130
    assert capsys.readouterr().err == "qconv: interrupted; all files had already been written\n"


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["match", "--help"]])
def test_quick(arguments):
    """No slow module is imported."""
    code = (
        "import sys\nfrom qconv.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "assert not {'qiskit', 'scipy', 'skimage', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_names_that_are_written_twice():
    assert set(convolve_options.METHODS.values()) <= set(qconv.__all__)
    assert convolve_options.RANGES == estimation.RANGES
    assert convolve_options.SCHEMES == blocks.SCHEMES
    assert convolve_options.PADDINGS == register_layout.PADDINGS
    assert convolve_options.READ_OUTS == amplification.READ_OUTS
    assert match.FILTERS == template.FILTERS


class TestPlaces:
    def test_standard_output(self):
        done = subprocess.run(
            [sys.executable, "-m", "qconv", *QUICK.split()[:-1], "/dev/stdout"],
            capture_output=True,
            timeout=60,
            check=True,
        )
        assert done.stdout.startswith(b"\x89PNG")
        assert done.stdout.rstrip().endswith(b"IEND\xaeB`\x82")
        assert b"wrote /dev/stdout (" in done.stderr
        assert names() == ["in.png"]

    def test_redirected_standard_output(self):
        done = shell(f"{QUICK[:-7]} /dev/stdout --quiet > o.png")
        assert (done.returncode, done.stderr) == (0, "")
        with Image.open("o.png") as picture:
            assert picture.size == (7, 6)
        assert names() == ["in.png", "o.png"]

    def test_nothing_is_kept(self, capsys):
        for more in ([], ["--figure", "/dev/null"]):
            assert main(["in.png", "--shots", "5", "--out", "/dev/null", *more]) == 0
            assert "wrote /dev/null" in capsys.readouterr().out
        assert names() == ["in.png"]
        assert not Path("/dev/null-figure.png").exists()

    def test_match(self, capsys):
        photo = np.random.default_rng(1).integers(0, 256, (20, 20)).astype(np.uint8)
        Image.fromarray(photo).save("photo.png")
        Image.fromarray(photo[3:9, 4:12]).save("part.png")
        assert main(["match", "photo.png", "part.png", "--out", "/dev/null"]) == 0
        assert "row 3, column 4" in capsys.readouterr().out

    def test_pipe(self):
        os.mkfifo("pipe.png")
        reader = subprocess.Popen(["cat", "pipe.png"], stdout=subprocess.PIPE)
        assert main(["in.png", "--shots", "5", "--out", "pipe.png"]) == 0
        assert reader.communicate(timeout=60)[0].startswith(b"\x89PNG")
        assert names() == ["in.png", "pipe-figure.png", "pipe.png"]

    def test_link_and_permissions(self):
        Path("real.png").write_text("old")
        os.chmod("real.png", 0o600)
        os.symlink("real.png", "link.png")
        assert main(["in.png", "--shots", "5", "--out", "link.png", "--overwrite"]) == 0
        assert Path("link.png").is_symlink()
        assert Path("real.png").read_bytes().startswith(b"\x89PNG")
        assert os.stat("real.png").st_mode & 0o777 == 0o600

    @pytest.mark.parametrize("option", ["--out", "--figure"])
    def test_protected(self, option, capsys):
        Path("old.png").write_text("old")
        os.chmod("old.png", 0o444)
        assert main(["in.png", "--shots", "5", option, "old.png", "--overwrite"]) == 2
        assert capsys.readouterr().err == f"qconv: {option}: 'old.png' is write-protected\n"
        assert names() == ["in.png", "old.png"]

    def test_links_that_lead_nowhere(self, capsys):
        os.symlink("missing/x.png", "link.png")
        os.symlink("loop.png", "loop.png")
        for name, message in (("link.png", "no such directory"), ("loop.png", "Too many levels")):
            assert main(["in.png", "--shots", "5", "--out", name, "--overwrite"]) == 2
            assert message in capsys.readouterr().err
        assert names() == ["in.png", "link.png", "loop.png"]

    def test_two_names_of_one_file(self, capsys):
        os.symlink("a.png", "b.png")
        arguments = ["in.png", "--out", "a.png", "--figure", "b.png", "--overwrite"]
        assert main(arguments) == 2
        assert "--figure: expected a file other than --out" in capsys.readouterr().err

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
    def test_full_device(self, capsys):
        assert main(["in.png", "--shots", "5", "--out", "/dev/full"]) == 2
        assert "No space left" in capsys.readouterr().err


def test_a_note_about_a_picture_is_one_line(capsys):
    alpha = np.full(GREY.shape, 99, np.uint8)
    Image.fromarray(np.dstack([GREY, alpha])).save("in.png")
    assert main(["in.png", "--shots", "5", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "qconv: IMAGE: in.png: transparency is blended onto white\n"


def test_full_disks_are_told(monkeypatch, capsys):
    def full(path, mode):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(writing, "open", full, raising=False)
    assert main(QUICK.split()) == 2
    assert capsys.readouterr().err == "qconv: No space left on device: 'out.npy'\n"
    assert names() == ["in.png"]


def test_a_broken_standard_error(monkeypatch):
    def broken(*args, **how):
        raise BrokenPipeError

    monkeypatch.setattr("builtins.print", broken)
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    streams.say("a word")
    sys.stderr.close()
