"""The order of the packages: a file imports only from lower layers."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

#: Layers from bottom to top. A directory represents its files, which have rules of their own.
ORDER = [
    "_checks",
    "_files",
    "_memory",
    "_progress",
    "_threads",
    "_versions",
    "propagator",
    "transfer",
    "kernels",
    "grid",
    "estimation",
    "circuits",
    "visualization",
    "observables",
    "result",
    "execution",
    "planning",
    "methods",
    "convolution",
    "estimating",
    "filtering",
    "layer",
    "matching",
    "cli",
    "torch",
    "distributed",
]

#: The command line, whose tables compare results; the only part that may import the reference.
KNOW_CLASSICAL = {"cli"}

#: Methods, which may not import each other; files beside them are for all methods.
SIBLINGS = [
    {"methods.collapse", "methods.whole_image", "methods.amplitude_estimation", "methods.blocks"},
    {f"methods.whole_image.{name}" for name in ("diffusion", "interference", "fourier")},
]

MOST_FILES, MOST_LINES_OF_A_FUNCTION = 16, 60

#: Parts that are imported explicitly, are named like an extra, and require its packages.
EXTRAS = {"torch": {"torch"}, "distributed": {"dask"}}

OPTIONAL = {
    "skimage",
    "PIL",
    "tifffile",
    "matplotlib",
    "mpl_toolkits",
    "tqdm",
    "qiskit_ibm_runtime",
    "cirq",
    "pytket",
    "braket",
    "pennylane",
    "qsharp",
}


def imports(path):
    """Yield the modules that a file imports, and whether this happens when the file is imported."""
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
    """Return the longest prefix of a dotted name that is a module of the packages."""
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


def place(path):
    """Return the layer that a file belongs to."""
    return path.relative_to(ROOT / "qconv").parts[0].removesuffix(".py")


def ours(path, *, at_import=False):
    """Return the modules of the packages that a file imports."""
    found = {module_of(name) for name, first in imports(path) if first or not at_import}
    return {name for name in found if name.split(".")[0] == "qconv"}


def test_the_helpers_see_what_they_should():
    found = dict(imports(ROOT / "qconv" / "visualization" / "figures.py"))
    assert found["qconv.visualization.pictures.GreyScale"] is True
    assert found["matplotlib.figure.Figure"] is False
    assert module_of("qconv.visualization.pictures.GreyScale") == "qconv.visualization.pictures"
    assert module_of("qconv.methods.blocks.Blocks") == "qconv.methods.blocks"
    assert module_of("qconv.convolve") == "qconv"
    top = ROOT / "qconv" / "__init__.py"
    assert "qconv.planning.plan" in ours(top)  # for types alone
    assert "qconv.planning.plan" not in ours(top, at_import=True)
    assert len(QCONV) > 50


def test_every_file_has_its_place():
    assert {place(path) for path in QCONV} == set(ORDER)


def test_tests_mirror_the_source():
    source = {path.parent.relative_to(ROOT / "qconv") for path in (ROOT / "qconv").rglob("*.py")}
    files = (ROOT / "tests").rglob("test_*.py")
    tests = {path.parent.relative_to(ROOT / "tests") for path in files}
    apart = {Path("classical"), Path("benchmarks"), Path("browser"), Path("notebooks")}
    assert tests - apart <= source


def test_a_short_listing():
    listed = [path for path in (ROOT / "qconv").iterdir() if path.is_file()]
    assert 10 <= len(listed) <= MOST_FILES


@pytest.mark.parametrize("path", files("qconv") + files("classical"), **IDS)
def test_short_functions(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            start = first.end_lineno if documented else node.lineno
            length = node.end_lineno - start
            assert length <= MOST_LINES_OF_A_FUNCTION, f"{path}: {node.name} has {length} lines"


@pytest.mark.parametrize("path", QCONV, **IDS)
def test_imports_only_from_above(path):
    own = place(path)
    for module in ours(path):
        if module == "qconv":
            assert own in KNOW_CLASSICAL, f"{path} imports the whole package"
            continue
        other = module.split(".")[1]
        assert ORDER.index(other) <= ORDER.index(own), f"{path} imports {module} above it"
        assert other != own or path.parent != ROOT / "qconv", f"{path} imports itself"


def test_methods_read_of_a_plan_what_the_reference_lists():
    listed = set(
        re.findall(r"qconv\.Plan\.(\w+)", (ROOT / "docs/reference/contract.md").read_text())
    )
    allotted = {"each", "total", "run"}  # only `allot` sets these
    read = set()
    for path in (ROOT / "qconv" / "methods").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in (
                "plan",
                "self.plan",
                "self.encoded.plan",
                "encoded.plan",
                "self._plan",
            ):
                read.add(node.attr)
    assert len(read) > 15
    assert read - allotted <= listed, sorted(read - allotted - listed)


def test_no_circle():
    above = {dotted(path): ours(path) for path in QCONV if path.name != "__init__.py"}
    assert sum(map(len, above.values())) > 150
    while above:
        free = [name for name, needs in above.items() if not needs & set(above)]
        assert free, f"a circle among {sorted(above)}"
        for name in free:
            del above[name]


@pytest.mark.parametrize("siblings", SIBLINGS, ids=["folders", "whole images"])
def test_no_method_imports_another(siblings):
    counted = 0
    for path in QCONV:
        mine = {name for name in siblings if f"{dotted(path)}.".startswith(f"qconv.{name}.")}
        counted += len(mine)
        for module in ours(path) if mine else ():
            others = {name for name in siblings if f"{module}.".startswith(f"qconv.{name}.")}
            assert others <= mine, f"{path} imports {module}"
    assert counted >= len(siblings)


def questions(path):
    """Yield calls that inspect a type or an attribute, with their arguments."""
    for node in ast.walk(ast.parse(path.read_text())):
        named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args
        if named and node.func.id in ("isinstance", "issubclass", "getattr", "hasattr", "type"):
            yield ast.unparse(node), [ast.unparse(part).lower() for part in node.args[:2]]


def test_nobody_asks_a_method_what_it_is():
    """The only exception is the check of arguments."""
    classes = ("collapse", "diffusion", "interference", "fourier", "estimation", "blocks")
    counted, asked = 0, []
    for path in QCONV:
        for text, (of, *what) in questions(path):
            counted += 1
            known = {name for part in what for name in classes if name in part}
            if "method" in of or known:
                asked.append((dotted(path), text))
    assert counted > 50
    assert asked == [("qconv.planning.method", "isinstance(method, Method)")]


@pytest.mark.parametrize("path", [*QCONV, ROOT / "qconv" / "__init__.py"], **IDS)
def test_knows_nothing_of_the_reference(path):
    knows = any(name.split(".")[0] == "classical" for name, _ in imports(path))
    assert not knows or place(path) in KNOW_CLASSICAL


def test_the_command_line_knows_the_reference():
    """Otherwise the previous test would detect nothing."""
    assert any(
        name.split(".")[0] == "classical"
        for path in QCONV
        if place(path) in KNOW_CLASSICAL
        for name, _ in imports(path)
    )


@pytest.mark.parametrize("path", files("classical"), **IDS)
def test_reference_knows_numpy_and_scipy_only(path):
    allowed = {*sys.stdlib_module_names, "numpy", "scipy", "classical"}
    packages = {name.split(".")[0] for name, _ in imports(path)}
    assert packages
    assert packages <= allowed


@pytest.mark.parametrize("path", sorted((ROOT / "qconv" / "circuits").glob("*.py")), **IDS)
def test_circuits_run_nothing(path):
    for name, _ in imports(path):
        assert not name.startswith("qiskit_aer"), name
        assert not name.startswith(("qiskit.primitives", "qiskit.quantum_info.Statevector")), name


@pytest.mark.parametrize("path", [*QCONV, ROOT / "qconv" / "__init__.py"], **IDS)
def test_needs_only_what_is_always_installed(path):
    needed = {"numpy", "scipy", "qiskit", "qiskit_aer", "psutil", "qconv"}
    needed |= set(sys.stdlib_module_names)
    if place(path) in KNOW_CLASSICAL:
        needed |= {"classical"}
    needed |= EXTRAS.get(place(path), set())
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
    assert "shots per pixel" in done.stdout


def test_running_a_circuit_imports_no_plotting(tmp_path):
    code = (
        "import qconv\n"
        "r = qconv.convolve([[1, 2], [3, 4]], [[1, -1]], shots=5, seed=1)\n"
        "r.save('r.npz'), qconv.load('r.npz'), print(r)\n"
        "assert not [n for n in sys.modules if n.startswith('qconv.visualization')]\n"
        "r._repr_html_()\n"
        "assert 'qconv.visualization.preview' in sys.modules\n"
    )
    done = python(code, tmp_path)
    assert done.returncode == 0, done.stderr


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
