"""The invented countries are invented, and every code classifies as intended."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from childsurv.classify import classify_iccc3
from childsurv.demo.parameters import (
    STAGE_CLASSES,
    chosen_countries,
    code_table,
    countries,
    country_table,
    course_table,
    delivery_table,
    period,
    stage_class,
    stage_table,
    subgroup_table,
)
from childsurv.errors import OptionError

# ISO 3166-1 alpha-3, officially assigned, and the X code in wide use for a real territory.
ISO_TEXT = """
    ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR BHR
    BHS BIH BLM BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL
    COM CPV CRI CUB CUW CXR CYM CYP CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK
    FRA FRO FSM GAB GBR GEO GGY GHA GIB GIN GLP GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY HKG HMD HND HRV
    HTI HUN IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA JAM JEY JOR JPN KAZ KEN KGZ KHM KIR KNA KOR KWT LAO
    LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA MAC MAF MAR MCO MDA MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG
    MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL NER NFK NGA NIC NIU NLD NOR NPL NRU NZL OMN PAK PAN PCN
    PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF QAT REU ROU RUS RWA SAU SDN SEN SGP SGS SHN SJM SLB SLE
    SLV SMR SOM SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON TTO
    TUN TUR TUV TWN TZA UGA UKR UMI URY USA UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE XKX
"""
ISO_CODES = frozenset(ISO_TEXT.split())

REAL_TEXT = """
    afghanistan albania algeria andorra angola argentina armenia australia austria azerbaijan bahamas
    bahrain bangladesh barbados belarus belgium belize benin bhutan bolivia bosnia botswana brazil brunei
    bulgaria burkina burundi cambodia cameroon canada chad chile china colombia comoros congo croatia
    cuba cyprus czechia denmark djibouti dominica ecuador egypt eritrea estonia eswatini ethiopia fiji
    finland france gabon gambia georgia germany ghana greece grenada guatemala guinea guyana haiti
    honduras hungary iceland india indonesia iran iraq ireland israel italy jamaica japan jordan
    kazakhstan kenya kiribati korea kosovo kuwait kyrgyzstan laos latvia lebanon lesotho liberia libya
    lithuania luxembourg madagascar malawi malaysia maldives mali malta mauritania mauritius mexico
    micronesia moldova monaco mongolia montenegro morocco mozambique myanmar namibia nauru nepal
    netherlands nicaragua niger nigeria norway oman pakistan palau palestine panama paraguay peru
    philippines poland portugal qatar romania russia rwanda samoa senegal serbia seychelles singapore
    slovakia slovenia somalia spain sudan suriname sweden switzerland syria taiwan tajikistan tanzania
    thailand togo tonga tunisia turkey turkmenistan tuvalu uganda ukraine uruguay uzbekistan vanuatu
    vatican venezuela vietnam yemen zambia zimbabwe
"""
REAL_NAMES = REAL_TEXT.split()


FORMER_B_CELL_LEUKAEMIA = 9836
"""What ICD-O-3 called the leukaemia that its revision codes 9811; the schemas list the new code only."""


def distance(first: str, second: str) -> int:
    """Levenshtein distance of two short words."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        previous, row[0] = row[0], i
        for j, b in enumerate(second, start=1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
    return row[-1]


def test_thirteen_countries_are_no_real_ones() -> None:
    table = country_table()
    assert len(table) == 13
    assert table["code"].is_unique
    assert len(ISO_CODES) == 250
    assert not set(table["code"]) & ISO_CODES
    assert table["code"].str.fullmatch("X[A-X][A-Z]").all()  # the range that ISO 3166 leaves to its users
    for name in table["name"].str.lower():
        # A name within two letters of a real one could be taken for it.
        assert min(distance(name, real) for real in REAL_NAMES) > 2


def test_names_in_two_scripts_say_that_they_are_simulated() -> None:
    table = countries()
    assert table["name"].str.endswith("(simulated)").all()
    assert table["name_cyrillic"].is_unique
    for name in country_table()["name_cyrillic"]:
        assert all("CYRILLIC" in unicodedata.name(letter) for letter in name)


def test_sizes_differ_by_a_factor_of_twenty() -> None:
    share = country_table()["share"]
    assert share.max() / share.min() == 20
    assert set(country_table()["age_limit"]) == {15, 20}


@pytest.mark.parametrize("edition", ["2005", "2017", "2017-icdo3.2"])
def test_codes_have_the_intended_class_in_every_edition(edition: str) -> None:
    codes = code_table()
    classes = classify_iccc3(codes["topography"], codes["morphology"], codes["behaviour"], edition=edition)
    assert classes["iccc_subgroup"].astype(object).tolist() == codes["subgroup"].tolist()
    group = subgroup_table().set_index("subgroup")["group"]
    assert classes["iccc_group"].astype(object).tolist() == group[codes["subgroup"]].tolist()


def test_every_subgroup_of_the_classification_occurs() -> None:
    assert set(code_table()["subgroup"]) == set(subgroup_table()["subgroup"])
    assert len(subgroup_table()) == 48
    assert set(course_table()["group"]) == set(subgroup_table()["group"])


def test_stage_values_are_those_of_the_toronto_schemas(shared: Path) -> None:
    schemas = pd.read_csv(shared / "facts" / "toronto_stage.csv", dtype=str, keep_default_na=False)
    stages = stage_table().groupby("scheme")["stage"].agg(set)

    def sites(text: str) -> list[tuple[str, str]]:
        return [(part.split("-")[0].strip(), part.split("-")[-1].strip()) for part in text.split(",")]

    for code in code_table().itertuples():
        site = code.topography.replace(".", "")
        allowed = [
            set(schema.toronto_stage_values.split())
            for schema in schemas.itertuples()
            if any(first <= site <= last for first, last in sites(schema.icdo3_topography))
            and any(first <= str(code.morphology) <= last for first, last in sites(schema.icdo3_morphology))
            and schema.behaviour in {"any", str(code.behaviour)}
        ]
        if code.scheme and code.morphology != FORMER_B_CELL_LEUKAEMIA:
            # Where sex decides between schemas (ovary, testis) the site has done so already.
            assert any(stages[code.scheme] <= values for values in allowed), (code.subgroup, code.morphology)


def test_a_stage_has_one_class_whatever_its_scheme() -> None:
    table = stage_table()
    assert (table.groupby("stage")["stage_class"].nunique() == 1).all()
    assert set(table["stage_class"]) | {"unknown"} == set(STAGE_CLASSES)


def test_stage_class_of_values_and_gaps() -> None:
    stages = pd.Series(["1", "3", "4", "MS", "IV", "X", None, "unknown", np.nan], dtype=object)
    expected = ["localised", "regional", "metastatic", "localised", "metastatic", *["unknown"] * 4]
    assert stage_class(stages).tolist() == expected
    assert stage_class(stages.astype("category")).tolist() == expected


def test_period_is_five_calendar_years() -> None:
    dates = pd.Series(pd.to_datetime(["1999-12-31", "2000-01-01", "2004-12-31", "2005-01-01"]))
    assert period(dates).tolist() == ["1995-1999", "2000-2004", "2000-2004", "2005-2009"]
    assert period(dates.iloc[:0]).empty


def test_deliveries_cover_layouts_separators_and_encodings() -> None:
    table = delivery_table()
    assert sorted(table["country"]) == sorted(country_table()["code"])
    assert set(table["layout"]) == {"childsurv", "encr", "canreg5", "russian"}
    assert set(table["separator"]) == {"comma", "semicolon", "tab"}
    assert {"cp1251", "utf-8", "utf-8-sig"} == set(table["encoding"])
    assert table["file"].str.startswith("simulated_").all()


@pytest.mark.parametrize("codes", [["XVM", "KAZ"], [], ["XVM", "XVM"]])
def test_unknown_countries_are_refused(codes: list[str]) -> None:
    with pytest.raises(OptionError, match="XVM"):
        chosen_countries(codes)
