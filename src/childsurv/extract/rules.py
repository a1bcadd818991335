"""The declared rules of checks: built in, and a user's own; which of them leave rows out; the page that lists them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from childsurv.errors import LayoutError, OptionError, require_choice
from childsurv.extract.conditions import Conditions, read_conditions

PROFILES: dict[str, str] = {
    "childsurv": "every rule marked default",
    "minimal": "only what no analysis can do without",
    "nordcan": "as NORDCAN for survival: also non-malignant tumours, same-day follow-up and ages of 90 or more, and "
    "the first tumour of each child in each main group of ICCC-3",
    "concord-eurocare": "as CONCORD and EUROCARE: death certificates, autopsies, missing dates and later tumours; "
    "same-day follow-up stays, because how those studies treat it could not be confirmed",
}
"""Sets of exclusion rules by name."""

SEVERITIES: tuple[str, ...] = ("error", "warning", "note")
EXCLUDES: tuple[str, ...] = ("always", "default", "optional", "never")
LISTINGS: tuple[str, ...] = ("rows", "once")
RULE_KEYS = {
    "code", "severity", "column", "message", "source", "excludes", "eligible", "listing", "profiles", "when",
    "unless",
}  # fmt: skip
USER_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Rule:
    """One declared rule."""

    code: str
    severity: str
    column: str
    message: str
    source: str
    """As they appear in `Cohort.findings`."""
    excludes: str
    """"always", "default" (by the profile "childsurv"), "optional" (where named) or "never"."""
    eligible: bool = True
    """Whether a row so found still is an eligible tumour."""
    listing: str = "rows"
    """"rows" for a finding a row, "once" for one finding with a count."""
    profiles: tuple[str, ...] = ()
    """Which other profiles leave such rows out."""
    when: tuple[Conditions, ...] = ()
    unless: tuple[Conditions, ...] = ()
    """The rows it concerns (`childsurv.extract.conditions`); empty where the reader itself finds them."""


Rules: TypeAlias = Mapping[str, Rule]
"""Rules by code, in the order in which they leave rows out."""

RulesLike: TypeAlias = "str | Path | Sequence[str | Path]"


@cache
def rules() -> Rules:
    """Return the rules of ``rules.toml``."""
    text = (resources.files("childsurv.extract") / "rules.toml").read_text(encoding="utf-8")
    return {
        table["code"]: _read_rule(table, place=f"rules.toml, rule {table['code']!r}", kept=())
        for table in tomllib.loads(text)["rule"]
    }


def check_rules(rules_files: RulesLike | None = None) -> pd.DataFrame:
    """Return every check that `childsurv.read_extract` makes, one row a rule.

    Parameters
    ----------
    rules_files
        Files of rules of your own to list with the built-in ones, as for ``read_extract(rules=)``.

    Returns
    -------
    pandas.DataFrame
        ``code, severity, column, message, source``, ``excludes`` ("always": no analysis can do without;
        "default": by the profile "childsurv"; "optional": where named in ``exclude=``; "never"), ``profiles``
        (the profiles that leave such rows out) and ``listing`` ("rows": a finding for each row; "once": one
        finding with a count), in the order in which rules leave rows out.

    Examples
    --------
    >>> table = check_rules()
    >>> table.loc[table["code"] == "dco", "profiles"].item()
    'childsurv, nordcan, concord-eurocare'
    """
    known = rules() if rules_files is None else with_own_rules(rules_files, kept=None)
    return pd.DataFrame(
        [
            {
                "code": rule.code,
                "severity": rule.severity,
                "column": rule.column,
                "message": rule.message,
                "source": rule.source,
                "excludes": rule.excludes,
                "profiles": ", ".join(name for name in PROFILES if _in_profile(rule, name)),
                "listing": rule.listing,
            }
            for rule in known.values()
        ]
    )


def with_own_rules(files: RulesLike, *, kept: Sequence[str] | None) -> Rules:
    """Return the built-in rules with those of some TOML files, which may also change what is left out.

    Parameters
    ----------
    files
        Path of a file, or of several. ``[[rule]]`` adds a rule: ``code``, ``severity``, ``message`` and ``when``, and
        as one likes ``unless, column, source, excludes, eligible, listing, profiles``. ``[[override]]`` names
        the ``code`` of any rule and its new ``excludes``, "default", "optional" or "never".
    kept
        Headers that conditions may name besides the canonical columns; ``None`` allows any.

    Raises
    ------
    LayoutError
        A file is not TOML, a key or value is wrong, or a code is used twice.
    """
    known = dict(rules())
    for path in [files] if isinstance(files, str | Path) else files:
        known = _add_file(known, Path(path), kept)
    return known


def _add_file(known: dict[str, Rule], path: Path, kept: Sequence[str] | None) -> dict[str, Rule]:
    if not path.is_file():
        raise OptionError(f"rules=: there is no file {str(path)!r}.")
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LayoutError(f"Rules {path.name} is not TOML in UTF-8: {error}.") from None
    strangers = tables.keys() - {"rule", "override"}
    if strangers:
        raise LayoutError(
            f"Rules {path.name}: there is no table {sorted(strangers)[0]!r}; a file of rules holds [[rule]] and "
            "[[override]]."
        )
    for number, table in enumerate(_tables(tables, "rule", path), start=1):
        place = f"Rules {path.name}, rule {table.get('code', number)!r}"
        for key in ("code", "severity", "message", "when"):
            if key not in table:
                raise LayoutError(f"{place}: the key {key!r} is missing.")
        if not isinstance(table["code"], str) or USER_CODE.fullmatch(table["code"]) is None:
            raise LayoutError(f"{place}: a code is small letters, digits and hyphens, such as 'late-report'.")
        if table["code"] in known:
            raise LayoutError(f"{place}: there is a rule of this code already; give yours another.")
        filled = {"column": "", "source": path.name, "excludes": "never"} | dict(table)
        # A condition may name a header that is kept; without knowing which, any name will do.
        allowed = kept if kept is not None else _named_columns(table)
        known[table["code"]] = _read_rule(filled, place=place, kept=allowed)
    for table in _tables(tables, "override", path):
        code, excludes = table.get("code"), table.get("excludes")
        place = f"Rules {path.name}, override of {code!r}"
        if set(table) != {"code", "excludes"} or code not in known:
            raise LayoutError(f"{place}: name the code of a rule and its excludes, and nothing else.")
        if excludes not in EXCLUDES[1:] or known[code].excludes == "always" or not known[code].message:
            raise LayoutError(
                f"{place}: excludes can become 'default', 'optional' or 'never', and rules that always leave rows out "
                "cannot be changed."
            )
        known[code] = replace(known[code], excludes=excludes)
    return known


def _tables(tables: Mapping[str, Any], name: str, path: Path) -> list[dict[str, Any]]:
    listed = tables.get(name, [])
    if not isinstance(listed, list) or not all(isinstance(table, dict) for table in listed):
        raise LayoutError(f"Rules {path.name}: write [[{name}]], with double brackets.")
    return listed


def _named_columns(table: Mapping[str, Any]) -> list[str]:
    named: list[str] = []
    for key in ("when", "unless"):
        alternatives = table.get(key, [])
        for one in alternatives if isinstance(alternatives, list) else [alternatives]:
            named += list(one) if isinstance(one, Mapping) else []
    return named


def _read_rule(table: Mapping[str, Any], *, place: str, kept: Sequence[str]) -> Rule:
    strangers = table.keys() - RULE_KEYS
    if strangers:
        raise LayoutError(
            f"{place}: there is no key {sorted(strangers)[0]!r}; the keys are {', '.join(sorted(RULE_KEYS))}."
        )
    for key, choices in (("severity", SEVERITIES), ("excludes", EXCLUDES), ("listing", LISTINGS)):
        if table.get(key, choices[0]) not in choices:
            raise LayoutError(f"{place}: {key} must be one of {', '.join(choices)}.")
    for key in ("column", "message", "source"):
        if not isinstance(table[key], str):
            raise LayoutError(f"{place}: {key} must be text in quotation marks.")
    if not isinstance(table.get("eligible", True), bool):
        raise LayoutError(f"{place}: eligible must be true or false.")
    profiles = table.get("profiles", [])
    if not isinstance(profiles, list) or not all(name in PROFILES for name in profiles):
        raise LayoutError(f"{place}: profiles must be a list of {', '.join(PROFILES)}.")
    conditions = {
        key: read_conditions(table[key], place=f"{place}, {key}", kept=kept)
        for key in ("when", "unless")
        if key in table
    }
    plain: dict[str, Any] = {
        key: value for key, value in table.items() if key not in {"when", "unless", "profiles"}
    }
    return Rule(**(plain | conditions), profiles=tuple(profiles))


def _in_profile(rule: Rule, profile: str) -> bool:
    return (
        rule.excludes == "always"
        or profile in rule.profiles
        or (profile == "childsurv" and rule.excludes == "default")
    )


def exclusion_codes(exclude: str | Sequence[str], known: Rules | None = None) -> tuple[str, ...]:
    """Return the codes of the rules that leave rows out, in their order.

    Parameters
    ----------
    exclude
        A profile of `PROFILES`, or a list of profiles and codes of rules; rules without which a row cannot
        be analysed always apply.
    known
        The rules; the built-in ones by default.

    Raises
    ------
    OptionError
        A code is unknown, or is one that never leaves rows out.
    """
    known = rules() if known is None else known
    chosen: set[str] = set()
    if isinstance(exclude, str):
        require_choice(exclude, tuple(PROFILES), argument="exclude")
    for name in [exclude] if isinstance(exclude, str) else exclude:
        if name in PROFILES:
            chosen |= {code for code, rule in known.items() if _in_profile(rule, name)}
        elif name in known and known[name].excludes != "never":
            chosen.add(name)
        else:
            optional = [code for code, rule in known.items() if rule.excludes in {"default", "optional"}]
            raise OptionError(
                f"exclude=: {name!r} is not a rule that leaves rows out. Choose a profile "
                f"({', '.join(map(repr, PROFILES))}) or a list of: {', '.join(optional)}."
            )
    return tuple(code for code, rule in known.items() if code in chosen or rule.excludes == "always")


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
