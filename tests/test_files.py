"""Writing: links, pipes, devices, permissions; in Python and on the command line."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import qconv
from qconv._files import replaced, written_together

pytestmark = pytest.mark.skipif(os.name != "posix", reason="files of Unix")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(*names, text="new"):
    with written_together(*map(Path, names)) as partial:
        for path in partial:
            path.write_text(text)


def names(folder="."):
    return sorted(os.listdir(folder))


def mode(name):
    return stat.S_IMODE(os.stat(name).st_mode)


def result():
    return qconv.convolve([1.0, 2, 3], [1, -1], shots=5, seed=1)


def test_a_new_file_has_the_usual_permissions():
    write("a")
    Path("b").write_text("")
    assert mode("a") == mode("b")
    assert names() == ["a", "b"]


@pytest.mark.parametrize("permissions", [0o600, 0o640, 0o755, 0o666])
def test_permissions_stay(permissions):
    Path("a").write_text("old")
    os.chmod("a", permissions)
    write("a")
    assert (Path("a").read_text(), mode("a"), names()) == ("new", permissions, ["a"])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid(), reason="gives a file away")
def test_the_owner_stays():
    Path("a").write_text("old")
    os.chown("a", 12345, 12345)
    write("a")
    assert (os.stat("a").st_uid, os.stat("a").st_gid) == (12345, 12345)


@pytest.mark.parametrize("permissions", [0o444, 0o400, 0o555, 0])
def test_a_protected_file_is_refused(permissions):
    Path("a").write_text("old")
    os.chmod("a", permissions)
    with pytest.raises(PermissionError, match="Permission denied: 'a'"):
        write("b", "a")
    assert names() == ["a"]
    os.chmod("a", 0o600)
    assert Path("a").read_text() == "old"


def test_links_are_followed():
    Path("sub").mkdir()
    Path("sub/a").write_text("old")
    os.symlink("sub/a", "link")
    os.symlink("link", "second")
    write("second")
    assert os.path.islink("second")
    assert os.path.islink("link")
    assert Path("sub/a").read_text() == "new"
    assert (names(), names("sub")) == (["link", "second", "sub"], ["a"])


def test_a_link_to_nothing_makes_its_file():
    Path("sub").mkdir()
    os.symlink("sub/a", "link")
    write("link")
    assert os.path.islink("link")
    assert Path("sub/a").read_text() == "new"


def test_a_link_to_a_missing_folder():
    os.symlink("sub/a", "link")
    with pytest.raises(FileNotFoundError, match="'link'"):
        write("link")
    assert names() == ["link"]


def test_a_link_to_itself():
    os.symlink("link", "link")
    with pytest.raises(OSError, match="link"):
        write("link")
    assert names() == ["link"]


def test_a_link_to_a_protected_file():
    Path("a").write_text("old")
    os.chmod("a", 0o444)
    os.symlink("a", "link")
    with pytest.raises(PermissionError):
        write("link")


def test_a_folder():
    Path("sub").mkdir()
    os.symlink("sub", "link")
    for name in ("sub", "link"):
        with pytest.raises(IsADirectoryError):
            write(name)


def test_a_failure_leaves_everything():
    Path("a").write_text("old")

    def fail():
        with written_together(Path("a"), Path("b")) as partial:
            partial[0].write_text("new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (names(), Path("a").read_text()) == (["a"], "old")


def reader(name, into):
    def read():
        into.append(Path(name).read_bytes())

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def test_a_pipe_is_written_to():
    os.mkfifo("pipe")
    os.symlink("pipe", "link")
    for name in ("pipe", "link"):
        seen = []
        thread = reader("pipe", seen)
        write(name, "a")
        thread.join(10)
        assert seen == [b"new"]
        assert stat.S_ISFIFO(os.stat("pipe").st_mode)
        assert names() == ["a", "link", "pipe"]
        os.remove("a")


def test_a_pipe_whose_reader_goes_away_writes_nothing_else():
    os.mkfifo("pipe")
    Path("a").write_text("old")

    def leave():
        os.close(os.open("pipe", os.O_RDONLY))

    thread = threading.Thread(target=leave, daemon=True)
    thread.start()
    with pytest.raises(BrokenPipeError):
        write("a", "pipe", text="x" * 10**6)
    thread.join(10)
    assert Path("a").read_text() == "old"


def test_devices_stay_devices():
    before = os.stat("/dev/null")
    write("/dev/null")
    after = os.stat("/dev/null")
    assert stat.S_ISCHR(after.st_mode)
    assert (before.st_rdev, before.st_mode) == (after.st_rdev, after.st_mode)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_device():
    with pytest.raises(OSError, match="No space left"):
        write("a", "/dev/full")
    assert names() == []


class TestSave:
    def test_link_pipe_and_permissions(self):
        os.symlink("a.npz", "link")
        Path("a.npz").write_text("old")
        os.chmod("a.npz", 0o600)
        result().save("link")
        assert (os.path.islink("link"), mode("a.npz")) == (True, 0o600)
        assert np.array_equal(qconv.Convolution.load("a.npz").image, result().image)
        os.mkfifo("pipe")
        os.mkfifo("pipe.tmp")  # a pipe may have any name
        for name in ("pipe", "pipe.tmp"):
            seen = []
            thread = reader(name, seen)
            result().save(name)
            thread.join(10)
            assert seen == [Path("a.npz").read_bytes()]

    def test_protected(self):
        Path("a").write_text("old")
        os.chmod("a", 0o444)
        with pytest.raises(PermissionError, match="'a'"):
            result().save("a")
        assert Path("a").read_text() == "old"

    def test_missing_folder_is_named(self):
        with pytest.raises(FileNotFoundError, match="'sub/a'"):
            result().save("sub/a")

    @pytest.mark.slow
    @pytest.mark.parametrize("how", ["pipe", "file", "appended"])
    def test_standard_output(self, how, folder):
        code = (
            "import qconv; print('first')\n"
            "r = qconv.convolve([1.0, 2, 3], [1, -1], shots=5, seed=1)\n"
            "r.save('/dev/stdout'); print('and more')"
        )
        Path("out").write_bytes(b"before;")
        command = [sys.executable, "-c", code]
        if how == "pipe":
            seen = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60).stdout
        else:
            with open("out", {"file": "wb", "appended": "ab"}[how]) as file:
                subprocess.run(command, stdout=file, check=True, timeout=60)
            seen = Path("out").read_bytes()
        result().save("expected")
        first = b"before;" if how == "appended" else b""
        assert seen == first + b"first\n" + Path("expected").read_bytes() + b"and more\n"


def test_on_the_disk_before_it_takes_the_place_of_another(monkeypatch):
    """Otherwise a power failure may leave an empty file."""
    Path("a.npz").write_bytes(b"old")
    done = []

    def sync(descriptor):
        (partial,) = (name for name in names() if name != "a.npz")
        assert os.fstat(descriptor).st_ino == os.stat(partial).st_ino
        done.append((Path(partial).read_bytes(), Path("a.npz").read_bytes()))

    monkeypatch.setattr(os, "fsync", sync)
    with replaced(Path("a.npz")) as file:
        file.write(b"new")
    assert done == [(b"new", b"old")]
    assert Path("a.npz").read_bytes() == b"new"
    assert names() == ["a.npz"]
