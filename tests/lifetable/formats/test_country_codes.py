from __future__ import annotations

from childsurv.lifetable.formats.country_codes import ISO3_OF_M49


def test_codes_are_one_to_one_and_well_formed():
    assert len(ISO3_OF_M49) == len(set(ISO3_OF_M49.values())) == 249
    assert all(len(code) == 3 and code.isupper() for code in ISO3_OF_M49.values())


def test_the_countries_of_the_region():
    numbers = {51: "ARM", 31: "AZE", 112: "BLR", 268: "GEO", 398: "KAZ", 417: "KGZ", 498: "MDA", 496: "MNG",
               643: "RUS", 762: "TJK", 795: "TKM", 804: "UKR", 860: "UZB"}  # fmt: skip
    assert {number: ISO3_OF_M49[number] for number in numbers} == numbers
