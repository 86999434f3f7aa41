"""The order of the house: a file imports only from what stands above it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

#: Bottom to top. A folder stands for its files, which have rules of their own.
ORDER = [
    "_checks",
    "_memory",
    "_progress",
    "_threads",
    "propagator",
    "kernels",
    "grid",
    "windows",
    "result",
    "circuits",
    "dealing",
    "execution",
    "problem",
    "drawing",
    "cells",
    "tiles",
    "tally",
    "likelihood",
    "certainty",
    "whole",
    "methods",
    "convolution",
    "filtering",
    "template",
    "pictures",
    "plotting",
    "command",
    "reporting",
    "finding",
    "cli",
]

#: The command line, whose tables compare: the only one that may know the reference.
KNOW_CLASSICAL = {"reporting", "finding", "cli"}

OPTIONAL = {"skimage", "PIL", "matplotlib", "mpl_toolkits", "tqdm"}


def imports(path):
    """Every module that a file imports, with whether that is when it is itself imported."""
    tree = ast.parse(path.read_text())
    lazy = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield name, id(node) not in lazy


def module_of(name):
    """The longest part of a dotted name that is a module of ours: without the names in it."""
    parts = name.split(".")
    while len(parts) > 1 and not (
        ROOT.joinpath(*parts).with_suffix(".py").is_file() or ROOT.joinpath(*parts).is_dir()
    ):
        parts.pop()
    return ".".join(parts)


def files(package):
    return sorted((ROOT / package).rglob("*.py"))


def dotted(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


QCONV = [path for path in files("qconv") if path.name not in ("__init__.py", "__main__.py")]
IDS = {"ids": dotted}


def test_the_helper_sees_imports():
    found = dict(imports(ROOT / "qconv" / "plotting.py"))
    assert found["qconv.pictures.GreyScale"] is True
    assert found["matplotlib.figure.Figure"] is False
    assert module_of("qconv.pictures.GreyScale") == "qconv.pictures"
    assert module_of("qconv.methods.collapse.Collapse") == "qconv.methods.collapse"
    assert module_of("qconv.convolve") == "qconv"


def test_every_file_has_its_place():
    assert {path.relative_to(ROOT / "qconv").parts[0].removesuffix(".py") for path in QCONV} <= set(
        ORDER
    )
    for name in ORDER:
        assert (ROOT / "qconv" / name).is_dir() or (ROOT / "qconv" / f"{name}.py").is_file()


@pytest.mark.parametrize("path", QCONV, **IDS)
def test_imports_only_from_above(path):
    place = path.relative_to(ROOT / "qconv").parts[0].removesuffix(".py")
    for name, _ in imports(path):
        module = module_of(name)
        if not module.startswith("qconv"):
            continue
        if module == "qconv":
            assert place in KNOW_CLASSICAL, f"{path} imports the whole package"
            continue
        other = module.split(".")[1]
        if other == place:
            assert place == "circuits", f"{path} imports {module}"
        else:
            assert ORDER.index(other) < ORDER.index(place), f"{path} imports {module} below it"


def test_circuits_do_not_import_each_other_in_a_circle():
    above = {
        dotted(path): {
            module_of(name) for name, _ in imports(path) if name.startswith("qconv.circuits")
        }
        for path in (ROOT / "qconv" / "circuits").glob("*.py")
    }
    while above:
        free = [name for name, needs in above.items() if not needs & set(above)]
        assert free, f"a circle among {sorted(above)}"
        for name in free:
            del above[name]


@pytest.mark.parametrize("path", QCONV, **IDS)
def test_no_method_imports_another(path):
    if path.parent.name == "methods":
        assert not any(name.startswith("qconv.methods") for name, _ in imports(path))


@pytest.mark.parametrize("path", [*QCONV, ROOT / "qconv" / "__init__.py"], **IDS)
def test_knows_nothing_of_the_reference(path):
    if path.stem not in KNOW_CLASSICAL:
        assert not any(name.split(".")[0] == "classical" for name, _ in imports(path))


@pytest.mark.parametrize("path", files("classical"), **IDS)
def test_reference_knows_numpy_and_scipy_only(path):
    allowed = {*sys.stdlib_module_names, "numpy", "scipy", "classical"}
    assert {name.split(".")[0] for name, _ in imports(path)} <= allowed


@pytest.mark.parametrize("path", sorted((ROOT / "qconv" / "circuits").glob("*.py")), **IDS)
def test_circuits_run_nothing(path):
    for name, _ in imports(path):
        assert not name.startswith("qiskit_aer"), name
        assert not name.startswith(("qiskit.primitives", "qiskit.quantum_info.Statevector")), name


@pytest.mark.parametrize("path", [*QCONV, ROOT / "qconv" / "__init__.py"], **IDS)
def test_needs_only_what_is_always_installed(path):
    needed = {"numpy", "scipy", "qiskit", "qiskit_aer", "qconv", *sys.stdlib_module_names}
    if path.stem in KNOW_CLASSICAL:
        needed |= {"classical"}
    for name, at_import in imports(path):
        package = name.split(".")[0]
        assert package in needed | OPTIONAL, f"{path} imports {name}"
        if package in OPTIONAL:
            assert not at_import, f"{path} imports {name} at the top"


BLOCKED = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name.split(".")[0])
sys.meta_path.insert(0, Blocker())
"""


def python(code, folder, *blocked):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", BLOCKED.format(blocked=set(blocked)) + code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_works_without_extras(tmp_path):
    code = (
        "import qconv\n"
        "r = qconv.convolve([[1, 2], [3, 4]], [[1, -1]], shots=5, seed=1)\n"
        "r.save('r.npz')\n"
        "print(r, qconv.Convolution.load('r.npz'), qconv.resources(r.circuits[0]))\n"
        "assert not {'skimage', 'matplotlib', 'tqdm', 'classical'} & set(sys.modules)\n"
    )
    done = python(code, tmp_path, *OPTIONAL, "classical")
    assert done.returncode == 0, done.stderr
    assert "shots a pixel" in done.stdout


@pytest.mark.parametrize("missing", ["skimage", "matplotlib"])
def test_command_line_says_what_to_install(missing, tmp_path):
    done = python("from qconv.cli import main\nsys.exit(main([]))", tmp_path, missing)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("qconv: ")
    assert "pip install 'qconv[images]'" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_command_line_works_without_tqdm_where_no_bar_is_shown(tmp_path):
    code = (
        "import numpy as np, skimage.io\n"
        "skimage.io.imsave('in.png', np.eye(8, dtype=np.uint8) * 200, check_contrast=False)\n"
        "from qconv.cli import main\nsys.exit(main(['in.png', '--shots', '3']))"
    )
    done = python(code, tmp_path, "tqdm")
    assert done.returncode == 0, done.stderr


def test_import_is_quiet_and_touches_no_global_state(tmp_path):
    code = (
        "import numpy as np\nbefore = repr(np.random.get_state()), np.geterr()\n"
        "import qconv, classical\n"
        "assert before == (repr(np.random.get_state()), np.geterr())\n"
    )
    done = python(code, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
