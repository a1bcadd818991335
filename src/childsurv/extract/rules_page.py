"""The table of rules in docs/checks.md, made from the rules themselves."""

from __future__ import annotations

import sys
from pathlib import Path

from childsurv.extract.rules import check_rules

BEGIN, END = "<!-- rules: begin -->\n", "<!-- rules: end -->"


def rules_markdown() -> str:
    """Return the table of all rules in Markdown.

    Examples
    --------
    >>> rules_markdown().splitlines()[0]
    '| code | severity | column | says | source | excludes | other profiles |'
    """
    lines = [
        "| code | severity | column | says | source | excludes | other profiles |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for rule in check_rules().to_dict("records"):
        others = [name for name in rule["profiles"].split(", ") if name in {"nordcan", "concord-eurocare"}]
        named = "" if rule["excludes"] == "always" else ", ".join(others)
        lines.append(
            f"| `{rule['code']}` | {rule['severity']} | {rule['column']} | {rule['message']} | {rule['source']} | "
            f"{rule['excludes']} | {named} |"
        )
    return "\n".join(lines) + "\n"


def main(path: str) -> None:
    """Write the table into a page, between its marks."""
    page = Path(path).read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    Path(path).write_text(before + BEGIN + rules_markdown() + END + rest.partition(END)[2], encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
