"""A gigapixel on paper: the time that a cluster, or quantum devices, would take for one image.

``python docs/benchmarks/gigapixel.py --measure`` measures the parameters of the first model on this
machine, in about a minute. With ``--cpu``, ``--efficiency``, ``--start`` and ``--task`` the
parameters are given instead. Both print the tables of the page. Requires the extra ``distributed``.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass

import numpy as np

import qconv

SIDE = 2**15  # 32768 x 32768 pixels are 2**30
KERNEL = qconv.named_kernel("gaussian")

# ------------------------------------------------------------------------------- a cluster


@dataclass(frozen=True)
class Cluster:
    """Parameters of a cluster: measured times, and the size of a machine."""

    cpu: float
    """CPU time of one thread per pixel, all shots together, in nanoseconds."""
    efficiency: float
    """CPU time without Dask, divided by the CPU time of two workers, scheduler and client."""
    start: float
    """Time until a worker has connected and imported all modules, in seconds."""
    task: float
    """CPU time of the scheduler per task, in milliseconds."""
    cores: int = 16
    """Number of cores per machine."""
    store: float = 1.0
    """Rate at which a machine reads or writes, in gigabytes per second."""


@dataclass(frozen=True)
class Graph:
    """Number of blocks and tasks in a Dask graph."""

    blocks: int
    tasks: int


def graph(side: int = SIDE, chunk: int = 4096) -> Graph:
    """Count the graph of a square image of grey levels in chunks of a Zarr file; nothing runs."""
    import dask
    import dask.array as da

    import qconv.distributed

    image = da.zeros((side, side), chunks=chunk, dtype=np.uint8)
    lazy = qconv.distributed.convolve(image, KERNEL, mode="same", boundary="symm", seed=7)
    arrays = dask.optimize(lazy.image, lazy.stderr)
    tasks = set().union(*(array.__dask_graph__() for array in arrays))
    return Graph(lazy.image.npartitions, len(tasks))


def seconds(cluster: Cluster, asked: Graph, machines: int, pixels: int = SIDE**2) -> float:
    """Return the time to start, plus the longest of computing, scheduling, and reading and writing.

    Workers compute blocks in rounds; some workers may be idle in the last round. One scheduler
    distributes all tasks. Each pixel is read as one byte and written as two 4-byte numbers.
    """
    rounds = math.ceil(asked.blocks / (machines * cluster.cores))
    block = pixels / asked.blocks * cluster.cpu * 1e-9 / cluster.efficiency
    scheduling = asked.tasks * cluster.task * 1e-3
    moving = 9 * pixels / (machines * cluster.store * 1e9)
    return cluster.start + max(rounds * block, scheduling, moving)


def measured_cpu(shots: int, side: int = 1024) -> float:
    """Measure the CPU time of one thread per pixel in nanoseconds, as the median of five calls."""
    from skimage import data

    from qconv._threads import one_thread

    image = np.tile(data.camera().astype(float), (side // 512, side // 512))
    found = []
    with one_thread():
        for _ in range(5):
            start = time.process_time()
            qconv.convolve(image, KERNEL, shots=shots, mode="same", boundary="symm", seed=7)
            found.append(1e9 * (time.process_time() - start) / side**2)
    return float(np.median(found))


def measured_task(count: int = 5000) -> float:
    """Measure the CPU time of scheduler and client per empty task, in milliseconds."""
    import dask
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster),
    ):
        nothing = [
            dask.delayed(int)(number, dask_key_name=f"n-{number}") for number in range(count)
        ]
        dask.compute(nothing[:10])
        start = time.process_time()
        dask.compute(nothing)
        return 1000 * (time.process_time() - start) / count


def measured_start() -> float:
    """Measure the time until two new workers have convolved an image, in seconds."""
    from distributed import Client, LocalCluster

    start = time.perf_counter()
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        client.run(_first)
        return time.perf_counter() - start


def _first() -> None:
    import qconv

    qconv.convolve(np.ones((4, 4)), qconv.named_kernel("gaussian"), shots=1, seed=1)


def cluster_table(cluster: Cluster, machines: tuple[int, ...] = (1, 4, 16, 64)) -> str:
    """Return a table of the time for one gigapixel on clusters of several sizes."""
    asked = graph()
    rows = ["| machines | cores | time | times as fast as one |", "|---|---|---|---|"]
    alone = seconds(cluster, asked, 1)
    for count in machines:
        took = seconds(cluster, asked, count)
        cores = count * cluster.cores
        rows.append(f"| {count} | {cores:,} | {spoken(took)} | {alone / took:.1f} |")
    return "\n".join(rows)


# ------------------------------------------------------------------------------- devices


@dataclass(frozen=True)
class Device:
    """Published parameters of a quantum computer."""

    qubits: int = 127
    """Number of qubits, shared by circuits that run in parallel."""
    period: float = 250e-6
    """Time from one execution to the next, in seconds."""
    job_shots: int = 100_000
    """Maximum number of executions per circuit in a job."""
    job_circuits: int = 300
    """Maximum number of circuits per job."""
    queue: float = 600
    """Time that a job waits in the queue, in seconds."""


def device_seconds(device: Device, executions: int, qubits: int, devices: int) -> float:
    """Return the time of executions that are divided among devices with a queue each."""
    copies = device.qubits // qubits
    shots = math.ceil(executions / (copies * devices))
    jobs = math.ceil(shots / (device.job_shots * device.job_circuits))
    return jobs * device.queue + shots * device.period


def device_table(device: Device, devices: tuple[int, ...] = (1, 100)) -> str:
    """Return a table of the time for one gigapixel on hardware."""
    plan = qconv.plan(np.ones((8, 8)), KERNEL, method=qconv.Collapse(), shots=1)
    rows = [
        f"| executions | {' | '.join(f'{n} device' + 's' * (n > 1) for n in devices)} |",
        "|---|" + "---|" * len(devices),
    ]
    for shots, shared in ((1, False), (100, False), (100, True), (1_000_000, True)):
        executions = qconv.Collapse(shared=shared).executions(SIDE**2, shots)
        which = "shared by all pixels" if shared else "per pixel"
        text = f"{shots:,} shot{'s' * (shots > 1)} {which}"
        times = [device_seconds(device, executions, plan.cost.qubits, n) for n in devices]
        rows.append(f"| {text}: {executions:.1e} | {' | '.join(map(spoken, times))} |")
    return "\n".join(rows)


def spoken(duration: float) -> str:
    """Format a time in a suitable unit."""
    for unit, length in (("years", 365.25 * 86400), ("days", 86400), ("hours", 3600), ("min", 60)):
        if duration >= 2 * length:
            return f"{duration / length:.3g} {unit}"
    return f"{duration:.3g} s"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", action="store_true", help="measure on this machine")
    parser.add_argument("--shots", type=int, default=100)
    for name in ("cpu", "efficiency", "start", "task"):
        parser.add_argument(f"--{name}", type=float)
    asked = parser.parse_args()
    if asked.measure:
        asked.cpu = asked.cpu or measured_cpu(asked.shots)
        asked.start = asked.start or measured_start()
        asked.task = asked.task or measured_task()
    if None in (asked.cpu, asked.efficiency, asked.start, asked.task):
        parser.error("give --efficiency, and --measure or --cpu, --start and --task")
    cluster = Cluster(asked.cpu, asked.efficiency, asked.start, asked.task)
    print(cluster, *map(graph_row, (1024, 4096)), sep="\n")
    print(cluster_table(cluster), Device(), device_table(Device()), sep="\n\n")


def graph_row(chunk: int) -> str:
    """Describe the graph for one chunk size."""
    asked = graph(chunk=chunk)
    return f"chunks of {chunk}x{chunk}: {asked.blocks:,} blocks, {asked.tasks:,} tasks"


if __name__ == "__main__":
    main()
