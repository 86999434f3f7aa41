"""Distribution of work over threads: their number, cancellation by errors, nested calls."""

import threading
import time

import pytest

from qconv import _threads


def test_one_thread_is_the_callers_alone(monkeypatch):
    """Other threads of the caller are not affected."""
    monkeypatch.setenv("QCONV_NUM_THREADS", "3")
    assert _threads.worker_count() == 3
    seen = []
    with _threads.one_thread():
        assert _threads.worker_count() == 1
        with _threads.one_thread():
            assert _threads.worker_count() == 1
        assert _threads.worker_count() == 1
        _threads.for_each(lambda n: seen.append(threading.get_ident()), 40, progress=False)
        other = threading.Thread(target=lambda: seen.append(_threads.worker_count()))
        other.start()
        other.join()
    assert seen == [threading.get_ident()] * 40 + [3]
    assert _threads.worker_count() == 3


def test_the_first_error_cancels_what_has_not_begun(monkeypatch):
    """A thousand pieces of 2 ms: the first one fails, and few others have begun."""
    monkeypatch.setenv("QCONV_NUM_THREADS", "2")
    called = []

    def work(number):
        called.append(number)
        if not number:
            raise RuntimeError("of the first piece")
        time.sleep(2e-3)

    with pytest.raises(RuntimeError, match="of the first piece"):
        _threads.for_each(work, 1000, progress=False)
    assert len(called) < 900
