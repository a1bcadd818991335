"""How the time and memory of net survival grow with children and groups: ``python -m benchmarks.net_scaling``."""

from __future__ import annotations

from benchmarks.children import in_groups, life_table_of, net_survival_by_groups, simulated_children
from benchmarks.measure import peak_megabytes, seconds

GROUPS = {1: (1, 1, 1), 13: (13, 1, 1), 156: (13, 12, 1), 780: (13, 12, 5)}
PATIENTS = (10_000, 100_000, 1_000_000, 10_000_000)


def main() -> None:
    """Print seconds by children and groups, and peak memory of the largest number of groups."""
    print(
        "| children | "
        + " | ".join(f"{count} groups, s" for count in GROUPS)
        + " | peak with 780 groups, MB |"
    )
    print("| ---: |" + " ---: |" * (len(GROUPS) + 1))
    for patients in PATIENTS:
        children = simulated_children(patients)
        cells = []
        for sizes in GROUPS.values():
            grouped, table = in_groups(children, *sizes), life_table_of(sizes[0])
            repeats = 3 if patients < 10_000_000 else 1
            cells.append(seconds(lambda: net_survival_by_groups(grouped, table), repeats=repeats))  # noqa: B023
        megabytes = peak_megabytes("benchmarks.children", str(patients), *(str(size) for size in GROUPS[780]))
        memory = "" if megabytes is None else f"{megabytes:,.0f}"
        print(
            f"| {patients:,} | " + " | ".join(f"{cell:.3g}" for cell in cells) + f" | {memory} |", flush=True
        )


if __name__ == "__main__":
    main()
