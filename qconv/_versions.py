"""Versions of the packages whose random numbers and rounding affect results."""

from __future__ import annotations

from functools import cache
from importlib import import_module

#: Modules of packages, by the names of the installed packages.
_PACKAGES = {
    "qconv": "qconv",
    "numpy": "numpy",
    "scipy": "scipy",
    "qiskit": "qiskit",
    "qiskit-aer": "qiskit_aer",
}


@cache
def versions() -> frozenset[str]:
    """Return the versions in use, each as in ``"numpy 2.4.6"``."""
    return frozenset(
        f"{package} {import_module(module).__version__}" for package, module in _PACKAGES.items()
    )
