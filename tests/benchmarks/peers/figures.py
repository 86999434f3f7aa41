"""Figures of the page, from the rows of a run."""

COLOURS = {"own": "#0b6e4f", "peer": "#d1682b", "classical": "#8a8a8a"}


def _axes(title, size=(8, 4)):
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.set_title(title)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _of(found, case, key):
    return [r for r in found["rows"] if r["case"] == case and r.get(key) is not None]


def errors(found):
    """Error of the edges by every sampling method."""
    rows = [row for row in _of(found, "edges", "error") if row["kind"] != "classical"]
    rows.sort(key=lambda row: -row["error"])
    figure, axes = _axes("Edges of camera, 64x64, 256 calls per pixel", (8, 4.5))
    bars = axes.barh(
        [row["peer"] for row in rows],
        [row["error"] for row in rows],
        color=[COLOURS[row["kind"]] for row in rows],
    )
    axes.bar_label(bars, fmt="%.0f", padding=3)
    axes.set_xlabel("root mean square error (grey levels); green: qconv, orange: others")
    return figure


def loading(found):
    """Infidelity of the loaded photograph against CX."""
    figure, axes = _axes("Loading camera, 64x64")
    rows = [row for row in _of(found, "camera", "fidelity") if row["fidelity"] < 0.999]
    for number, name in enumerate(dict.fromkeys(row["peer"] for row in rows)):
        mine = [row for row in rows if row["peer"] == name]
        own = mine[0]["kind"] == "own"
        axes.loglog(
            [row["two_qubit_gates"] for row in mine],
            [1 - row["fidelity"] for row in mine],
            "sov^D<>P"[number % 8] + "-",
            color=COLOURS["own"] if own else f"C{number}",
            linewidth=2.5 if own else 1,
            label=name,
        )
    axes.set_xlabel("CX")
    axes.set_ylabel("1 - fidelity")
    axes.legend(frameon=False)
    return figure


def layer(found):
    """Accuracy against executions per feature."""
    figure, axes = _axes("A layer on digits")
    rows = _of(found, "layer", "accuracy")
    for name in dict.fromkeys(row["peer"] for row in rows):
        mine = [row for row in rows if row["peer"] == name]
        colour = COLOURS[mine[0]["kind"]]
        sampled = [row for row in mine if row["setting"] != "exact"]
        if sampled:
            axes.semilogx(
                [int(row["setting"].replace(",", "")) for row in sampled],
                [row["accuracy"] for row in sampled],
                "o-",
                color=colour,
                label=name,
            )
        for row in mine:
            if row["setting"] == "exact" and row["kind"] != "classical":
                axes.axhline(row["accuracy"], color=colour, linestyle=":", label=f"{name}, exact")
    axes.set_xlabel("executions per feature")
    axes.set_ylabel("accuracy (%)")
    axes.legend(frameon=False)
    return figure


#: File name: function, job, and description of the figure.
FIGURES = {
    "peers-edges.png": (errors, "filters", "Errors of the edges by all sampling methods"),
    "peers-loading.png": (loading, "loading", "Infidelity against CX of all loaders"),
    "peers-layer.png": (layer, "layer", "Accuracy against executions per feature"),
}
