"""The result of a job as a picture."""

from pathlib import Path
from typing import TYPE_CHECKING

from quantum_operator.api.quantumjob import QuantumJob
from quantum_operator.api.run import Outcome, OutcomePub
from quantum_operator.api.task import EstimatePub, SamplePub
from quantum_operator.cli.axes import observable_at, parameters_at, places
from quantum_operator.cli.render import pubs_of, shorten, title, top_counts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS = 12
"""The entries that one picture has room for."""
COUNTS = 32
POINTS = 64
INK = "#3b5b92"


def plot(job: QuantumJob, outcome: Outcome, path: Path) -> None:
    """Write the counts of every register, and the expectation values with their standard errors, to an SVG file.

    What has no room is left out, and the picture says so. The same result always makes the same bytes.
    """
    # Half a second to import, and only this command needs it.
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    panels = _panels(job, outcome)
    columns = min(3, max(1, len(panels[:PANELS])))
    rows = -(-len(panels[:PANELS]) // columns) or 1
    with mpl.rc_context({"svg.hashsalt": "quantum-operator", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(5 * columns, 3.8 * rows), layout="constrained")
        for index, (asked, pub, entry) in enumerate(panels[:PANELS]):
            axes = figure.add_subplot(rows, columns, index + 1)
            if pub.samples is not None:
                _bars(axes, asked, pub, entry)
            else:
                _points(axes, asked, pub)
        left = len(panels) - PANELS
        name = f"{job.metadata.namespace}/{job.metadata.name}, {job.status.backend}"
        figure.suptitle(f"{name}; {left} more are not shown" if left > 0 else name)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _panels(job: QuantumJob, outcome: Outcome) -> list[tuple[SamplePub | EstimatePub, OutcomePub, tuple[int, int]]]:
    """What gets a panel: every register of every binding, or all values of a pub together."""
    found = []
    for asked, pub in zip(pubs_of(job.spec), outcome.pubs, strict=False):
        if pub.samples is None:
            found.append((asked, pub, (0, 0)))
            continue
        for position, sample in enumerate(pub.samples):
            found += [(asked, pub, (position, register)) for register in range(len(sample.registers))]
    return found


def _bars(axes: "Axes", asked: SamplePub | EstimatePub, pub: OutcomePub, entry: tuple[int, int]) -> None:
    sample = (pub.samples or ())[entry[0]]
    register = sample.registers[entry[1]]
    top = sorted(top_counts(register.counts, COUNTS))
    axes.bar([shorten(bits) for bits, _ in top], [count for _, count in top], color=INK)
    axes.set_title(title(pub.program, parameters_at(asked, places(pub.shape)[sample.index]), register.name))
    shown = sum(count for _, count in top)
    others = f"; {pub.shots - shown:,} in other outcomes" if shown < pub.shots else ""
    axes.set_ylabel(f"counts of {pub.shots:,}{others}")
    axes.tick_params(axis="x", rotation=90 if len(top) > 4 or register.size > 6 else 0)


def _points(axes: "Axes", asked: SamplePub | EstimatePub, pub: OutcomePub) -> None:
    values, errors = (pub.values or ())[:POINTS], (pub.standard_errors or ())[:POINTS]
    axes.errorbar(range(len(values)), values, yerr=errors, fmt="o", color=INK, capsize=3)
    axes.axhline(0, color="#999999", linewidth=0.5)
    where = places(pub.shape)[: len(values)]
    axes.set_xticks(range(len(values)), [_label(asked, place) for place in where], rotation=90)
    left = len(pub.values or ()) - len(values)
    axes.set_title(f"{pub.program}; {left} more values are not shown" if left > 0 else pub.program)
    axes.set_ylabel("value ± standard error")


def _label(asked: SamplePub | EstimatePub, place: tuple[int, ...]) -> str:
    observable = observable_at(asked, place) if isinstance(asked, EstimatePub) else ""
    return ", ".join(part for part in (parameters_at(asked, place), observable) if part)
