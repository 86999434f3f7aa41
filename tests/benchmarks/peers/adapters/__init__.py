"""Adapters: every file declares `PEERS`. New files are discovered automatically."""

import importlib
import pkgutil

PEERS = [
    peer
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__))
    for peer in importlib.import_module(f"{__name__}.{module}").PEERS
]
