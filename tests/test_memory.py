"""Available memory: of the machine, of control groups, and by the limit on address space."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from qconv import _memory

pytest.importorskip("resource", reason="Windows has no limits of Unix")

GIB = 2**30


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """A machine with 64 GiB free and no limit on address space."""
    free = SimpleNamespace(available=64 * GIB)
    monkeypatch.setattr(_memory.psutil, "virtual_memory", lambda: free)
    unlimited = (_memory.resource.RLIM_INFINITY,) * 2
    monkeypatch.setattr(_memory.resource, "getrlimit", lambda which: unlimited)


def system(root, cgroup, files):
    """Create a file system with a process's control groups, and files in ``sys/fs/cgroup``."""
    for name, text in {"proc/self/cgroup": cgroup, **files}.items():
        path = root / (name if name.startswith("proc") else f"sys/fs/cgroup/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


V2, V1 = "0::/a/b", "5:cpu,cpuacct:/x\n4:memory:/a/b\n0::/"
OWN2 = {"a/b/memory.max": 4 * GIB, "a/b/memory.current": 3 * GIB}


def v1(folder, limit, use):
    return {
        f"memory{folder}/memory.limit_in_bytes": limit,
        f"memory{folder}/memory.usage_in_bytes": use,
    }


@pytest.mark.parametrize(
    ("cgroup", "files", "expected"),
    [
        ("0::/", {}, 64),
        (V2, OWN2, 1),
        ("0::/a/b/c", OWN2, 1),  # the parent group
        (V2, OWN2 | {"a/memory.max": 8 * GIB, "a/memory.current": 15 * GIB // 2}, 0.5),
        (V2, OWN2 | {"a/b/memory.max": "max"}, 64),
        (V2, OWN2 | {"a/memory.max": "max", "a/memory.current": 9 * GIB}, 1),
        (V2, OWN2 | {"a/b/memory.current": 5 * GIB}, 0),
        (V2, OWN2 | {"a/b/memory.max": 200 * GIB}, 64),
        (V2, OWN2 | {"a/b/memory.stat": f"anon 5\ninactive_file {GIB // 2}"}, 1.5),
        # In a container, the mount is its own group; the path may refer to the host.
        ("0::/", {"memory.max": 2 * GIB, "memory.current": GIB}, 1),
        (V2, {"memory.max": 2 * GIB, "memory.current": GIB}, 1),
        ("0::/../other", {"memory.max": 2 * GIB, "memory.current": GIB}, 1),
        # A group name with a colon.
        ("0::/a:b", {"a:b/memory.max": 2 * GIB, "a:b/memory.current": GIB}, 1),
        (V1, v1("/a/b", 4 * GIB, 3 * GIB), 1),
        (V1, v1("/a", 4 * GIB, 3 * GIB), 1),
        (V1, v1("", 4 * GIB, 3 * GIB), 1),
        (V1, v1("/a/b", 2**63 - 4096, GIB), 64),
        (V1, v1("/a/b", 4 * GIB, 3 * GIB) | v1("/a", 2 * GIB, GIB // 2), 1),
        (
            V1,
            v1("/a/b", 4 * GIB, 3 * GIB)
            | {"memory/a/b/memory.stat": f"inactive_file 1\ntotal_inactive_file {GIB}"},
            2,
        ),
        ("nothing of the kind:x:y", {}, 64),
    ],
)
def test_control_groups(cgroup, files, expected, tmp_path):
    root = system(tmp_path, cgroup, files)
    assert _memory.available_memory(root) == expected * GIB


def test_no_such_files(tmp_path):
    assert _memory.available_memory(tmp_path) == 64 * GIB


def test_unreadable_files(tmp_path):
    root = system(tmp_path, V2, OWN2 | {"a/b/memory.current": "many"})
    assert _memory.available_memory(root) == 64 * GIB


def test_address_space(tmp_path, monkeypatch):
    used = SimpleNamespace(memory_info=lambda: SimpleNamespace(vms=3 * GIB))
    monkeypatch.setattr(_memory.psutil, "Process", lambda: used)
    monkeypatch.setattr(_memory.resource, "getrlimit", lambda which: (4 * GIB, 8 * GIB))
    assert _memory.available_memory(tmp_path) == GIB
    monkeypatch.setattr(_memory.resource, "getrlimit", lambda which: (2 * GIB, 8 * GIB))
    assert _memory.available_memory(tmp_path) == 0


def test_without_limits_of_unix(tmp_path, monkeypatch):
    monkeypatch.setattr(_memory, "resource", None)
    assert _memory.available_memory(tmp_path) == 64 * GIB


def test_a_process_of_its_own():
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))\n"
        "from qconv import _memory; print(_memory.available_memory())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert 0 < int(done.stdout) < 2**33


def test_message(monkeypatch):
    monkeypatch.setattr(_memory, "available_memory", lambda: GIB)
    _memory.require_memory(GIB, "image is")
    with pytest.raises(ValueError, match=r"image is too large: needs about 2\.0 GiB of memory, 1"):
        _memory.require_memory(2 * GIB, "image is")


def test_what_is_nearly_all_is_looked_up_again(monkeypatch):
    """Free memory may be taken later: without a new lookup, only half of it may be used."""
    free, asked, now = [8 * GIB, 8 * GIB, GIB, GIB], [], [1.0]

    def available():
        asked.append(free[len(asked)])
        return asked[-1]

    monkeypatch.setattr(_memory, "available_memory", available)
    monkeypatch.setattr(_memory, "time", SimpleNamespace(monotonic=lambda: now[0]))
    for _ in range(3):
        _memory.require_memory(4 * GIB, "x is")
    assert len(asked) == 1  # one lookup at a time
    _memory.require_memory(5 * GIB, "x is")
    assert len(asked) == 2
    with pytest.raises(ValueError, match=r"needs about 5.0 GiB of memory, 1.0 GiB are available"):
        _memory.require_memory(5 * GIB, "x is")
    now[0] += 0.25
    _memory.require_memory(GIB // 2, "x is")
    assert asked == free
