"""Backends by name: Aer, or an imitated device of IBM's, where its package is installed."""

from __future__ import annotations

from qiskit.providers import BackendV2

from qconv.cli.options import UsageError

#: The package of the imitated devices.
_PACKAGE = "qiskit-ibm-runtime"


def named_backend(name: str) -> BackendV2:
    """A backend by its name: ``aer``, or a device such as ``marrakesh`` or ``fake_marrakesh``."""
    from qiskit_aer import AerSimulator

    if name == "aer":
        return AerSimulator()
    devices = _devices()
    found = devices.get(name.lower().removeprefix("fake_").removeprefix("fake"))
    if found is not None:
        return found()
    names = ", ".join(["aer", *sorted(devices)])
    more = "" if devices else f"; imitated devices need: pip install {_PACKAGE}"
    raise UsageError(f"--backend: expected one of {names}, got '{name}'{more}")


def _devices() -> dict[str, type[BackendV2]]:
    """The imitated devices by their names, none where the package is missing."""
    try:
        from qiskit_ibm_runtime import fake_provider
    except ModuleNotFoundError:
        return {}
    found = {}
    for cls in vars(fake_provider).values():
        name = getattr(cls, "backend_name", None)  # of the class, without making one
        if isinstance(cls, type) and issubclass(cls, BackendV2) and isinstance(name, str):
            found[name.removeprefix("fake_")] = cls
    return found
