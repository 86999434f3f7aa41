"""Fixtures: checkpoints that are written whenever there are new results, and interrupted calls."""

import pytest

from qconv.execution.checkpoint import checkpoint
from qconv.execution.checkpoint.checkpoint import Checkpoint


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty working directory; checkpoints are written whenever there are new results."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoint, "LEAST_INTERVAL", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", float("inf"))
    return tmp_path


@pytest.fixture
def stop_after(monkeypatch):
    """Return a function that interrupts calls after a number of pieces, and lists the pieces."""
    tick = Checkpoint.tick
    counted = []

    def after(number):
        counted.clear()
        # With one thread, the call stops at once; several threads would finish their pieces.
        monkeypatch.setenv("QCONV_NUM_THREADS", "" if number is None else "1")

        def stopping(self):
            counted.append(self)
            if number is not None and len(counted) == number:
                raise KeyboardInterrupt
            tick(self)

        monkeypatch.setattr(Checkpoint, "tick", stopping)
        return counted

    return after


@pytest.fixture
def assert_resumes(stop_after):
    """Return a function that interrupts a call, resumes it, and compares the results.

    No piece is computed twice, and the contents are those of a call without a checkpoint.
    """

    def compared(run, content):
        expected = content(run(None))
        pieces = stop_after(None)
        assert content(run("whole.npz")) == expected
        number = len(pieces)
        assert number >= 2
        stop_after(max(1, number // 2))
        words = "interrupted; intermediate results are in 'run.npz'; repeat the call to resume"
        with pytest.raises(KeyboardInterrupt, match=f"^{words}$"):
            run("run.npz")
        pieces = stop_after(None)
        assert content(run("run.npz")) == expected
        assert 0 < len(pieces) < number

    return compared
