"""What an installation holds: the sources as they are, and nothing that an earlier build left."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("qconv", "classical")

#: What may lie in a working copy, but comes from no commit: it would only make the copy slow.
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "build", "_build", "dist", "*.egg-info")

STALE = (
    "build/lib/qconv/old_module.py",
    "build/lib/classical/old_module.py",
    "qconv.egg-info/SOURCES.txt",
    "qconv.egg-info/top_level.txt",
    "dist/qconv-0.0.1/qconv/old_module.py",
)


def sources():
    """Every file of the packages, relative to the root: modules and the markers of types."""
    return {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the whole project, with the remains of builds of an older one."""
    folder = tmp_path_factory.mktemp("packaging") / "project"
    shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
    for name in STALE:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("raise AssertionError('a module that was deleted long ago')\n")
    return folder


def explored():
    """Every file of the page that `qconv explore` opens: name in the wheel to file."""
    folder = ROOT / "docs" / "explore"
    return {f"qconv/explore/{path.name}": path for path in folder.iterdir()}


def python(code, folder):
    done = subprocess.run(
        [sys.executable, *code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(project, tmp_path_factory):
    """The files of the wheel that pip builds, name to content."""
    target = tmp_path_factory.mktemp("wheel")
    command = "pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation"
    python(["-m", *command.split(), "--wheel-dir", str(target), "."], project)
    (path,) = target.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.fixture(scope="module")
def sdist(project, tmp_path_factory):
    """The names of the files in the source distribution, without its folder."""
    target = tmp_path_factory.mktemp("sdist")
    build = f"from hatchling.build import build_sdist; build_sdist({str(target)!r})"
    python(["-c", build], project)
    (path,) = target.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        return {name.split("/", 1)[1] for name in archive.getnames()}


def metadata_file(wheel, name):
    (found,) = [path for path in wheel if path.endswith(f".dist-info/{name}")]
    return wheel[found]


def test_the_sources_are_found():
    assert {"qconv/__init__.py", "qconv/circuits/__init__.py", "classical/__init__.py"} < sources()


def test_wheel_holds_the_sources_and_its_metadata_only(wheel):
    packed = {name for name in wheel if not name.split("/")[0].endswith(".dist-info")}
    assert packed == sources() | set(explored())
    for name in packed:
        assert wheel[name] == explored().get(name, ROOT / name).read_text(), name


def test_wheel_carries_the_page(wheel):
    assert {f"qconv/explore/{name}" for name in ("index.html", "maths.js")} <= set(wheel)


def test_wheel_carries_types(wheel):
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(wheel)


def test_wheel_carries_the_licence(wheel):
    assert metadata_file(wheel, "licenses/LICENSE") == (ROOT / "LICENSE").read_text()
    metadata = message_from_string(metadata_file(wheel, "METADATA"))
    assert metadata["Name"] == "qconv"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata.get_all("License-File") == ["LICENSE"]


def test_wheel_has_the_command(wheel):
    entry_points = metadata_file(wheel, "entry_points.txt")
    assert entry_points.split() == ["[console_scripts]", "qconv", "=", "qconv.cli:main"]


def test_source_distribution_holds_the_sources_and_no_remains(sdist):
    assert sources() <= sdist
    assert {f"docs/explore/{path.name}" for path in explored().values()} <= sdist
    assert {"pyproject.toml", "README.md", "LICENSE", "tests/test_packaging.py"} <= sdist
    assert not [name for name in sdist if "old_module" in name or "egg-info" in name]
    assert not {name.split("/")[0] for name in sdist} & {"build", "dist"}
