"""Central death rates of the United Nations' World Population Prospects, by periods or years and age groups.

Three layouts are read: the tab-separated files of the WPP packages for R (one sex a file, one column a period), a
long table by periods with ``country, sex, year_start, year_end, age_start, mx``, and the bulk file by calendar years.
Periods run from the middle of one year to the middle of another, so that ``1950-1955`` begins on 1 July 1950. Rates
are taken as constant within an age group and a period; all periods of the file are read, those of the future being
projections. No bulk file as published could be had when its reader was written: it follows the documented columns
and is tested on constructed files only.

References
----------
United Nations, Department of Economic and Social Affairs, Population Division. World Population Prospects
2024. https://population.un.org/wpp
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd

from childsurv.errors import LifeTableError
from childsurv.lifetable.formats.cell_labels import (
    SEX_NAMES,
    age_starts,
    cells_by_country,
    choose_countries,
    one_sex,
    sexes_of,
)
from childsurv.lifetable.formats.published import Cells, Format, Options, Source

PERIOD = re.compile(r"(\d{4})-(\d{4})")
BULK_COLUMNS = frozenset({"ISO3_code", "Location", "Time", "Sex", "AgeGrpStart", "AgeGrpSpan", "mx"})
LONG_COLUMNS = frozenset({"country", "sex", "year_start", "year_end", "age_start", "mx"})
METHOD = "rates constant within age groups and periods; periods begin on 1 July"


_CODES = """
    004AFG 008ALB 010ATA 012DZA 016ASM 020AND 024AGO 028ATG 031AZE 032ARG 036AUS 040AUT 044BHS 048BHR 050BGD
    051ARM 052BRB 056BEL 060BMU 064BTN 068BOL 070BIH 072BWA 074BVT 076BRA 084BLZ 086IOT 090SLB 092VGB 096BRN
    100BGR 104MMR 108BDI 112BLR 116KHM 120CMR 124CAN 132CPV 136CYM 140CAF 144LKA 148TCD 152CHL 156CHN 158TWN
    162CXR 166CCK 170COL 174COM 175MYT 178COG 180COD 184COK 188CRI 191HRV 192CUB 196CYP 203CZE 204BEN 208DNK
    212DMA 214DOM 218ECU 222SLV 226GNQ 231ETH 232ERI 233EST 234FRO 238FLK 239SGS 242FJI 246FIN 248ALA 250FRA
    254GUF 258PYF 260ATF 262DJI 266GAB 268GEO 270GMB 275PSE 276DEU 288GHA 292GIB 296KIR 300GRC 304GRL 308GRD
    312GLP 316GUM 320GTM 324GIN 328GUY 332HTI 334HMD 336VAT 340HND 344HKG 348HUN 352ISL 356IND 360IDN 364IRN
    368IRQ 372IRL 376ISR 380ITA 384CIV 388JAM 392JPN 398KAZ 400JOR 404KEN 408PRK 410KOR 414KWT 417KGZ 418LAO
    422LBN 426LSO 428LVA 430LBR 434LBY 438LIE 440LTU 442LUX 446MAC 450MDG 454MWI 458MYS 462MDV 466MLI 470MLT
    474MTQ 478MRT 480MUS 484MEX 492MCO 496MNG 498MDA 499MNE 500MSR 504MAR 508MOZ 512OMN 516NAM 520NRU 524NPL
    528NLD 531CUW 533ABW 534SXM 535BES 540NCL 548VUT 554NZL 558NIC 562NER 566NGA 570NIU 574NFK 578NOR 580MNP
    581UMI 583FSM 584MHL 585PLW 586PAK 591PAN 598PNG 600PRY 604PER 608PHL 612PCN 616POL 620PRT 624GNB 626TLS
    630PRI 634QAT 638REU 642ROU 643RUS 646RWA 652BLM 654SHN 659KNA 660AIA 662LCA 663MAF 666SPM 670VCT 674SMR
    678STP 682SAU 686SEN 688SRB 690SYC 694SLE 702SGP 703SVK 704VNM 705SVN 706SOM 710ZAF 716ZWE 724ESP 728SSD
    729SDN 732ESH 740SUR 744SJM 748SWZ 752SWE 756CHE 760SYR 762TJK 764THA 768TGO 772TKL 776TON 780TTO 784ARE
    788TUN 792TUR 795TKM 796TCA 798TUV 800UGA 804UKR 807MKD 818EGY 826GBR 831GGY 832JEY 833IMN 834TZA 840USA
    850VIR 854BFA 858URY 860UZB 862VEN 876WLF 882WSM 887YEM 894ZMB
"""

ISO3_OF_M49: dict[int, str] = {int(entry[:3]): entry[3:] for entry in _CODES.split()}
"""Three-letter codes of ISO 3166-1 by its number, the M49 of the United Nations: 51 is ARM. Aggregates have none.

Checked against the table of the Debian package iso-codes.
"""


def is_package(source: Source, options: Options) -> bool:
    """Whether the first line is that of a file of the WPP packages for R."""
    lines = source.head
    names = lines[0].split("\t") if lines else []
    return {"country_code", "age"} <= set(names) and any(PERIOD.fullmatch(name) for name in names)


def is_long(source: Source, options: Options) -> bool:
    """Whether the first line has the columns of a long table by periods."""
    return bool(source.head) and set(source.head[0].split(",")) >= LONG_COLUMNS


def is_bulk(source: Source, options: Options) -> bool:
    """Whether the first line has the columns of a bulk file by calendar years."""
    return bool(source.head) and set(source.head[0].strip("\ufeff").split(",")) >= BULK_COLUMNS


def read_package(source: Source, options: Options) -> Cells:
    """Return the cells of a file with one column a period; its name (``mxF5``) or the caller gives the sex."""
    table = source.table(sep="\t", dtype={"age": str})
    found = options.sex or _sex_of_name(source.name)
    if found is None:
        raise LifeTableError(
            f"{source.name} is of one sex, but its name does not give it. Give sex='female' or sex='male', or a "
            "mapping {'female': path, 'male': path}."
        )
    periods = [name for name in table.columns if PERIOD.fullmatch(str(name))]
    names = table[next((name for name in ("country", "name") if name in table.columns), "country_code")]
    codes = table["country_code"].to_numpy()
    if codes.dtype.kind != "i":
        raise LifeTableError(
            f"{source.name}: column 'country_code' holds something that is not a whole number."
        )
    place, distinct = pd.factorize(codes)
    first = np.unique(place, return_index=True)[1]
    areas = {int(code): str(name) for code, name in zip(distinct, names.to_numpy()[first], strict=True)}
    # Some aggregates share a name, for example a region that is its own only subregion.
    shared = {name for name, count in Counter(areas.values()).items() if count > 1}
    label_of = {
        code: ISO3_OF_M49.get(code, f"{name} ({code})" if name in shared else name)
        for code, name in areas.items()
    }
    ages = age_starts(table["age"], file=source.name)
    values = table[periods]
    if not all(pd.api.types.is_numeric_dtype(dtype) for dtype in values.dtypes):
        raise LifeTableError(f"{source.name}: a period column holds something that is not a number.")
    first_years = np.array([int(name[:4]) for name in periods], dtype=np.float64)
    frame = pd.DataFrame(
        {
            # Categories, because coding them later costs nothing.
            "country": pd.Categorical.from_codes(
                np.repeat(place, len(periods)), categories=pd.Index(list(label_of.values()), dtype=object)
            ),
            "sex": one_sex(found, values.size),
            "age": np.repeat(ages, len(periods)),
            "year": np.tile(first_years, len(table)),
            "mortality": values.to_numpy(np.float64).ravel(),
        }
    )
    also = {label_of[code]: (code, name) for code, name in areas.items()}
    frame = choose_countries(frame, options.country, also=also, file=source.name)
    notes: dict[str, object] = {"method": METHOD}
    if found == "both":
        notes["left_out"] = {"both sexes together": len(frame)}
    starts, end = _mid_years([(int(name[:4]), int(name[5:])) for name in periods], file=source.name)
    return Cells(frame, "mx", ("country",), starts, end, notes=notes)


def read_long(source: Source, options: Options) -> Cells:
    """Return the cells of a long table by periods; rows for both sexes together are counted."""
    table = source.table(sep=",")
    missing = LONG_COLUMNS - set(table.columns)
    if missing:
        raise LifeTableError(f"{source.name} lacks the columns {', '.join(sorted(missing))}.")
    sexes, left_out = sexes_of(table["sex"], sex_codes=None, file=source.name)
    frame = pd.DataFrame(
        {
            "country": table["country"].astype("category"),
            "sex": sexes,
            "age": table["age_start"].to_numpy(np.float64),
            "year": table["year_start"].to_numpy(np.float64),
            "mortality": pd.to_numeric(table["mx"], errors="coerce").to_numpy(np.float64),
        }
    )
    frame = choose_countries(frame, options.country, also={}, file=source.name)
    pairs = table[["year_start", "year_end"]].drop_duplicates()
    starts, end = _mid_years([(int(a), int(b)) for a, b in pairs.itertuples(index=False)], file=source.name)
    notes: dict[str, object] = {"method": METHOD, "left_out": left_out}
    if "kind" in table.columns:
        kinds = table.groupby("kind", sort=False)["year_start"].agg(["min", "max"])
        notes["periods"] = {str(kind): (int(low), int(high)) for kind, low, high in kinds.itertuples()}
    return Cells(frame, "mx", ("country",), starts, end, notes=notes)


def read_bulk(source: Source, options: Options) -> Cells:
    """Return the cells of a bulk file by calendar years; rows for both sexes together are counted."""
    table = source.table(sep=",", low_memory=False)
    if "Variant" in table.columns and table["Variant"].nunique() > 1:
        raise LifeTableError(
            f"{source.name} holds several variants ({', '.join(map(repr, table['Variant'].unique()[:5]))}); keep "
            "the rows of one."
        )
    label = table["ISO3_code"].astype(object).where(table["ISO3_code"].notna(), table["Location"])
    also = {
        str(code): (str(name),)
        for code, name in zip(label, table["Location"], strict=True)
        if str(code) != str(name)
    }
    rows = pd.DataFrame(
        {
            "country": label,
            "sex": table["Sex"],
            "age": table["AgeGrpStart"],
            "year": table["Time"],
            "value": table["mx"],
        }
    )
    return cells_by_country(source, rows, options.country, kind="mx", also=also)


def _mid_years(periods: list[tuple[int, int]], *, file: str) -> tuple[dict[int, str], str]:
    ordered = sorted(set(periods))
    for (first, last), (following, _) in pairwise(ordered):
        if last != following:
            raise LifeTableError(
                f"{file}: periods do not follow one another: after {first}-{last} comes {following}."
            )
    return {first: f"{first:04d}-07-01" for first, _ in ordered}, f"{ordered[-1][1]:04d}-07-01"


def _sex_of_name(name: str) -> str | None:
    match = re.search(r"mx([MFB])\d", name)
    return SEX_NAMES[match.group(1).lower()] if match else None


FORMATS = (
    Format(
        name="wpp",
        looked_for="tab-separated columns country_code, age and periods such as 1950-1955",
        recognise=is_package,
        read=read_package,
        takes=frozenset({"sex"}),
    ),
    Format(
        name="wpp",
        looked_for=(
            "comma-separated columns ISO3_code, Location, Time, Sex, AgeGrpStart, AgeGrpSpan, mx of a UN WPP bulk file"
        ),
        recognise=is_bulk,
        read=read_bulk,
    ),
    Format(
        name="wpp",
        looked_for="comma-separated columns country, sex, year_start, year_end, age_start, mx from the UN WPP",
        recognise=is_long,
        read=read_long,
    ),
)
"""One layout each; a file that is none of them is read as the last, whose error names the columns it lacks."""
