"""Make the pictures of the README and the docs: ``python docs/make_pictures.py``.

All data shown are simulated, from invented countries.
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

import childsurv as cs

PICTURES = Path(__file__).with_name("pictures")


def flow() -> Figure:
    """Draw the way from extract to report, with the room that does each step."""
    figure = Figure(figsize=(9.6, 3.5))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, 96)
    axes.set_ylim(0, 35)

    dark, grey = "#15232b", "#37474f"
    width = 14.5

    def box(x: float, y: float, title: str, room: str) -> None:
        style = "round,pad=0.2,rounding_size=1"
        axes.add_patch(FancyBboxPatch((x, y), width, 7, boxstyle=style, facecolor="#f4f6f8", edgecolor=grey))
        axes.text(
            x + width / 2, y + 4.5, title, ha="center", va="center", fontsize=10.5, weight="bold", color=dark
        )
        small = {"fontsize": 8, "color": grey, "family": "monospace"}
        axes.text(x + width / 2, y + 1.8, room, ha="center", va="center", **small)

    def arrow(start: tuple[float, float], end: tuple[float, float], label: str = "", dy: float = 1.0) -> None:
        line = {"mutation_scale": 12, "color": grey, "shrinkA": 2, "shrinkB": 2}
        axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", **line))
        if label:
            middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + dy)
            axes.text(*middle, label, ha="center", va="bottom", fontsize=8, color=grey)

    steps = (
        (1, "Extract", "layouts/*.toml"),
        (21, "Cohort", "extract, cohort"),
        (41, "Tally", "fold"),
        (61, "Curves", "survival, net"),
        (80, "Report", "plot, reporting"),
    )
    for x, title, room in steps:
        box(x, 20, title, room)
    for x, label in ((15.5, "read"), (35.5, "fold"), (55.5, "finish"), (75.5, "draw")):
        arrow((x, 23.5), (x + 5.5 if x < 70 else x + 4.5, 23.5), label, 0.6)
    box(1, 5, "ICCC-3, checks", "classify, extract")
    box(21, 5, "Cox models", "regression")
    box(41, 5, "Life table", "lifetable")
    box(61, 5, "Tests", "compare, net")
    arrow((12, 12.2), (23, 20))
    arrow((28.2, 20), (28.2, 12.2))
    arrow((48.2, 12.2), (48.2, 20))
    arrow((53, 20), (64, 12.2))
    axes.plot((28.2, 28.2, 87.2), (4.8, 2, 2), color=grey, linewidth=1)
    axes.plot((68.2, 68.2), (4.8, 2), color=grey, linewidth=1)
    arrow((87.2, 1.9), (87.2, 20))
    sentence = "An extract is read into a cohort, folded into sums, finished into curves, and drawn."
    axes.text(1, 31.5, sentence, fontsize=10.5, color=dark)
    axes.text(41, 29, "sums add: over children, files and countries", fontsize=8, color=grey, style="italic")
    return figure


def countries() -> Figure:
    """Draw net survival of four simulated countries."""
    register = cs.demo.cohort(patients=20_000, seed=1)
    sizes = register.data["country"].value_counts()
    chosen = list(sizes.index[:4])
    cohort = register.where(lambda data: data["country"].isin(chosen))
    curves = cs.net_survival(cohort, cs.demo.life_table(), by="country")
    invented = cs.demo.countries()
    names = dict(zip(invented["country"], invented["name"].str.removesuffix(" (simulated)"), strict=True))
    return curves.plot(
        years=10,
        names=names,
        title="Net survival of children with cancer",
        subtitle="Simulated registers of four invented countries",
    )


def life_table() -> Figure:
    """Draw mortality of children and young adults of two simulated countries."""
    table = cs.demo.life_table()
    invented = cs.demo.countries()
    names = dict(zip(invented["country"], invented["name"].str.removesuffix(" (simulated)"), strict=True))
    chosen = list(dict.fromkeys(table.strata["country"]))[:2]
    return cs.plot.life_table(
        table,
        populations={"country": chosen},
        ages=(0, 24),
        names=names,
        title="Mortality of the population",
        subtitle="Simulated life tables of two invented countries",
    )


def lexis() -> Figure:
    """Draw who contributes to survival in four approaches."""
    register = cs.demo.cohort(patients=20_000, seed=1)
    window = ("2015-01-01", "2017-12-31")
    approaches = {
        "cohort": cs.cohort_approach(register, diagnosed=("2005-01-01", "2009-12-31"), years=5),
        "complete": cs.complete_approach(register, diagnosed=("2005-01-01", "2014-12-31")),
        "period": cs.period_approach(register, followed=window),
        "hybrid": cs.hybrid_approach(register, diagnosed=("2013-01-01", "2014-12-31"), followed=window),
    }
    return cs.plot.lexis(
        approaches,
        title="Who contributes which part of follow-up",
        note="Simulated register of invented countries.",
    )


def excess() -> Figure:
    """Draw excess mortality rates of two simulated diagnoses."""
    cohort = cs.demo.cohort(patients=20_000, seed=1).where("iccc_group in ['I', 'III']")
    rates = cs.excess_mortality(
        cohort, cs.demo.life_table(), by="iccc_group", bandwidth_years=0.5, minimum=10
    )
    return cs.plot.curves(
        rates,
        names={"I": "I Leukaemias", "III": "III CNS tumours"},
        title="When children with two diagnoses die of them",
        note="Simulated register of invented countries.",
    )


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    cs.plot.save(flow(), PICTURES / "flow.svg")
    cs.plot.save(countries(), PICTURES / "countries.png")
    cs.plot.save(excess(), PICTURES / "excess_mortality.png")
    cs.plot.save(lexis(), PICTURES / "lexis.png")
    cs.plot.save(life_table(), PICTURES / "life_table.png")
