"""Published figures, each with a function that measures it here."""

from tests.benchmarks.peers.checks import filters, others
from tests.benchmarks.peers.peer import Peer

PEERS = [
    Peer(name, "", {"published": check}, kind="check")
    for name, check in (filters.CHECKS | others.CHECKS).items()
]
