"""Write the table of rules into docs/checks.md, from the rules themselves: ``python docs/make_checks.py``."""

from __future__ import annotations

from pathlib import Path

from childsurv.extract.rules import rules_markdown

BEGIN, END = "<!-- rules: begin -->\n", "<!-- rules: end -->"
PAGE = Path(__file__).with_name("checks.md")

if __name__ == "__main__":
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(before + BEGIN + rules_markdown() + END + rest.partition(END)[2], encoding="utf-8")
