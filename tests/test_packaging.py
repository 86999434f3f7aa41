"""Contents of an installation: the current sources, and nothing from an earlier build.

Both archives are installed into empty environments and tried there.
"""

import json
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email import message_from_string
from pathlib import Path

import pytest

import qconv

ROOT = Path(__file__).parent.parent
PACKAGES = ("qconv", "classical")

#: Files in a working copy that are not part of a commit; they would slow down the copy.
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "build", "_build", "dist", "*.egg-info")

STALE = (
    "build/lib/qconv/old_module.py",
    "build/lib/classical/old_module.py",
    "qconv.egg-info/SOURCES.txt",
    "qconv.egg-info/top_level.txt",
    "dist/qconv-0.0.1/qconv/old_module.py",
)


def sources():
    """Return every file of the packages, relative to the root: modules and type markers."""
    return {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Copy the whole project, with remains of an older build."""
    folder = tmp_path_factory.mktemp("packaging") / "project"
    shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
    for name in STALE:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("raise AssertionError('a module that was deleted long ago')\n")
    return folder


def explored():
    """Return every file of the page that `qconv explore` opens: name in the wheel, and file."""
    folder = ROOT / "docs" / "explore"
    return {f"qconv/explore/{path.name}": path for path in folder.iterdir()}


def python(code, folder, executable=sys.executable):
    done = subprocess.run(
        [executable, *code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build_wheel(source, target):
    """Return the path of the wheel that pip builds from a directory or a source archive."""
    command = "pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation"
    python(["-m", *command.split(), "--wheel-dir", str(target), str(source)], target)
    (path,) = target.glob("*.whl")
    return path


def contents(path):
    """Return the files of a wheel, by name."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.fixture(scope="module")
def wheel_path(project, tmp_path_factory):
    """The wheel, built from the working copy."""
    return build_wheel(project, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def wheel(wheel_path):
    """The files of the wheel, name to content."""
    return contents(wheel_path)


@pytest.fixture(scope="module")
def sdist_path(project, tmp_path_factory):
    """The source archive, built from the working copy."""
    target = tmp_path_factory.mktemp("sdist")
    build = f"from hatchling.build import build_sdist; build_sdist({str(target)!r})"
    python(["-c", build], project)
    (path,) = target.glob("*.tar.gz")
    return path


@pytest.fixture(scope="module")
def sdist(sdist_path):
    """Return the names of the files in the source distribution, without its directory."""
    with tarfile.open(sdist_path) as archive:
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


def test_source_distribution_builds_the_same_wheel(sdist_path, wheel, tmp_path):
    assert contents(build_wheel(sdist_path, tmp_path)) == wheel


TRIED = """
import json, pathlib
import classical, qconv
from importlib.metadata import version

where = {"mode": "same", "boundary": "symm"}
result = qconv.convolve([[1.0, 2], [3, 4]], [[1, 2, 1]], shots=100, seed=1, **where)
exact = classical.convolve([[1.0, 2], [3, 4]], [[1, 2, 1]], **where)
result.save("result.npz")
home = pathlib.Path(qconv.__file__).parent
print(json.dumps({
    "homes": [qconv.__file__, classical.__file__],
    "version": version("qconv"),
    "near": bool(abs(result.image - exact).max() < 6 * result.stderr.max()),  # 1e-8 by chance
    "loaded": bool((qconv.load("result.npz").image == result.image).all()),
    "page": (home / "explore" / "index.html").is_file(),
}))
"""


def test_wheel_works_in_an_empty_environment(wheel_path, tmp_path):
    home = tmp_path / "empty"
    venv.create(home, symlinks=sys.platform != "win32")
    scripts = home / ("Scripts" if sys.platform == "win32" else "bin")
    inside = {"base": str(home), "platbase": str(home)}
    library = Path(sysconfig.get_path("purelib", scheme="venv", vars=inside))
    assert list(library.iterdir()) == []
    command = "pip --quiet --disable-pip-version-check install --no-deps --no-index --target"
    python(["-m", *command.split(), str(library), str(wheel_path)], tmp_path)
    # the dependencies, after the package itself; they are not downloaded again
    (library / "needed.pth").write_text(sysconfig.get_path("purelib"))
    found = json.loads(python(["-I", "-c", TRIED], tmp_path, scripts / "python"))
    assert all(Path(path).is_relative_to(library) for path in found.pop("homes"))
    assert found == {"version": qconv.__version__, "near": True, "loaded": True, "page": True}
    printed = python(["-I", "-m", "qconv", "--version"], tmp_path, scripts / "python")
    assert printed == f"qconv {qconv.__version__}\n"


def test_one_version_everywhere(wheel):
    metadata = message_from_string(metadata_file(wheel, "METADATA"))
    assert metadata["Version"] == qconv.__version__
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert f"\n## {qconv.__version__} - " in changes
