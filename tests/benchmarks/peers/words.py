"""Prose of the page."""

HEAD = """# Peers

This page compares qconv with its peers: methods and packages of other authors. All of them get
the same pictures, kernels and numbers of executions. Peers without a package are written here from
their papers and public interfaces. This command runs all of them and writes the page:

```text
python3.12 -m venv .venv-peers
.venv-peers/bin/pip install -r tests/benchmarks/peers/requirements.txt
OMP_NUM_THREADS=1 .venv-peers/bin/python -m tests.benchmarks.peers
```

The run of {date} took {minutes:.0f} minutes, summed over its parts, with Python {python}, on two
cores that other programs used at the same time. A second run with the same versions gives the same
figures except for times; `--compare docs/benchmarks/peers.json` checks this. A figure in **bold**
is better than the figures of all comparable methods of qconv. Exact classical results are
references and are not compared.
"""

PEERS = """\
{ran} peers ran. Each row of the tables ran in a separate process with a time limit. If a peer did
not finish, its row states the reason.
"""

STATED = """## Is an error stated, and is it right?

The mean of z² in the tables above is 1 if the stated standard errors are right. If a method states
a 95 % interval, its standard error is taken as half of the width, divided by 1.96. A mean far above
1 is due to single gross errors. For normally distributed errors, the mean of z² itself has a
standard error: 0.02 over the 4,096 pixels of an image, 0.12 over 150 runs, and 0.37 over the 15
runs of `qiskit-algorithms`.
"""

BETTER = """## Where qconv is not the best

The table lists every column in which a peer is better than all comparable methods of qconv.
"""

LEFT_OUT = """## Peers that did not run"""

HOW_TO = """## Add a peer

A peer is one file of fewer than 80 lines in `tests/benchmarks/peers/adapters`, which is discovered
automatically. The file declares `PEERS`, a list of `Peer`. A `Peer` has a name, a source, and
one function per job. The file of a job in `tests/benchmarks/peers/jobs` states what this
function takes and returns. For example, the complete adapter of SciPy is:

```text
{example}```

1. Write the adapter from the paper or the public interface of the package, and do not copy
   code.
2. Add the pinned package to `tests/benchmarks/peers/requirements.txt`. Import the package
   inside the function, so that the file loads without it.
3. Return the cost with the result: calls of the state preparation, qubits and CX of the largest
   circuit. State standard errors only if the method states them.
4. Run one job: `python -m tests.benchmarks.peers --jobs filters --out DIRECTORY`.
5. If the adapter needs no package, add a short test to `tests/test_peers.py`.
6. A peer that cannot run has a line in `tests/benchmarks/peers/left_out.py`."""

_READ = (
    "QCrank reads the pixels themselves and filters them classically: no executions are lost in a "
    "quantum filter, and each execution reads four pixels"
)

#: Case and column, or column alone: why a peer is better, and what would change the result.
_REASONS = {
    "error": (_READ, "`Collapse`, which also keeps the image classical, has the smallest error"),
    "f_score": (_READ, "`Collapse`, which also keeps the image classical, has the best F-score"),
    "two_qubit_gates": (
        "exact loading dominates; QCrank takes one CX per pixel and no filter",
        "few-gate loading (`encode_image`), with the error of the table below",
    ),
    "success": (
        "the circuit has no flag, so every execution succeeds, as in `Diffusion`",
        "nothing; the relevant figure is the error at equal calls",
    ),
    ("layer", "accuracy"): (
        "the random circuit is nonlinear in the pixels, and the four fixed kernels are not; one "
        "execution measures four features",
        "trained kernels, or more channels",
    ),
    ("amplitude", "product"): (
        "few runs, so single gross errors dominate",
        "more runs: `tests/benchmarks/test_peers.py` compares 2,000",
    ),
    ("amplitude", "most"): (
        "few runs: the methods are within the uncertainty of each other",
        "more runs: `tests/benchmarks/test_peers.py` compares 2,000",
    ),
    ("camera", "edges"): (
        "no circuit with so few CX encodes the edges: every error is near 100 %",
        "exact loading",
    ),
    ("camera", "fidelity"): (
        "the search for few angles ends in a local optimum",
        "more CX or other seeds of the search",
    ),
    ("camera", "blur"): (
        "the search maximises the fidelity, not the blurred picture",
        "a search that weights the kernel's frequencies",
    ),
}


def reason(case, key):
    """Return why a peer is better in a column, and what would change the result."""
    return _REASONS.get((case, key)) or _REASONS.get(key) or ("not explained", "—")
