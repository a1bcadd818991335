"""The words and number forms that pictures use, in English and Russian."""

from __future__ import annotations

from typing import Any

import numpy as np

from childsurv.errors import require_choice

LANGUAGES = ("en", "ru")

NO_BREAK_SPACE = "\u00a0"

TEXTS: dict[str, tuple[str, str]] = {
    "survival": ("Survival", "Выживаемость"),
    "net_survival": ("Net survival", "Чистая выживаемость"),
    "conditional": ("Conditional survival", "Условная выживаемость"),
    "incidence": ("Cumulative incidence", "Накопленная частота"),
    "crude_mortality": ("Probability of having died", "Вероятность смерти"),
    "state_occupation": ("Share of children in the state", "Доля детей в состоянии"),
    "hazard": ("Cumulative hazard", "Накопленный риск"),
    "excess_rate": (
        "Excess deaths per 1,000 person-years",
        "Избыточные смерти на 1000 человеко-лет",
    ),
    "smoothed": (
        "Smoothed: {kernel}, bandwidth {width} days.",
        "Сглажено: {kernel}, полуширина {width} дн.",
    ),
    "epanechnikov": ("Epanechnikov kernel", "ядро Епанечникова"),
    "biweight": ("biweight kernel", "биквадратное ядро"),
    "uniform": ("uniform kernel", "равномерное ядро"),
    "standardised": ("{quantity}, standardised", "{quantity}, стандартизованная"),
    "standardised_hazard": ("{quantity}, standardised", "{quantity}, стандартизованный"),
    "years": ("Years since diagnosis", "Годы после установления диагноза"),
    "months": ("Months since diagnosis", "Месяцы после установления диагноза"),
    "weeks": ("Weeks since diagnosis", "Недели после установления диагноза"),
    "days": ("Days since diagnosis", "Дни после установления диагноза"),
    "time": ("Time", "Время"),
    "at_risk": ("At risk", "Под наблюдением"),
    "patients": ("Patients", "Пациенты"),
    "all": ("All patients", "Все пациенты"),
    "other_panels": (
        "Grey lines: the other panels.",
        "Серые линии: остальные графики.",
    ),
    "band": (
        "Shaded: {level} confidence intervals ({kind}).",
        "Закрашены {level} доверительные интервалы ({kind}).",
    ),
    "bars": (
        "Lines: {level} confidence intervals ({kind}).",
        "Отрезки: {level} доверительные интервалы ({kind}).",
    ),
    "bars_unknown": ("Lines: confidence intervals.", "Отрезки: доверительные интервалы."),
    "simultaneous": (
        "Thin lines: bands for the whole curve.",
        "Тонкие линии: полосы для кривой в целом.",
    ),
    "stacked": (
        "Areas: shares of all patients, by cause, one above the other.",
        "Площади: доли всех пациентов по причинам, одна над другой.",
    ),
    "points": (
        "Points: ends of intervals, joined by straight lines.",
        "Точки: концы интервалов, соединены отрезками.",
    ),
    "ends": (
        "Curves end where fewer than {minimum} are at risk.",
        "Кривые обрываются, где под наблюдением меньше {minimum}.",
    ),
    "begins": (
        "Curves begin at {time} with the patients alive then.",
        "Кривые начинаются в точке {time}, по пациентам, живым к этому времени.",
    ),
    "beyond": (
        "Bands go on above the axis.",
        "Полосы выходят за верхний край оси.",
    ),
    "beyond_both": (
        "Bands go on beyond the axis.",
        "Полосы выходят за края оси.",
    ),
    "unreliable_line": (
        "Grey dotted: not reliable, {reasons}.",
        "Серый пунктир: ненадёжно, {reasons}.",
    ),
    "unreliable": ("‡ Not reliable: {reasons}.", "‡ Ненадёжно: {reasons}."),
    "unreliable_table": ("‡ Not reliable.", "‡ Ненадёжно."),
    "unstandardised": (
        "§ Fewer than {below} patients: unstandardised only.",
        "§ Меньше {below} пациентов: только без стандартизации.",
    ),
    "unstandardised_table": ("§ Unstandardised only.", "§ Только без стандартизации."),
    "reason_at_risk": ("fewer than {number} at risk", "под наблюдением меньше {number}"),
    "reason_interval_width": ("limits wider than {number}", "интервал шире {number}"),
    "reason_std_error": ("standard error above {number}", "стандартная ошибка больше {number}"),
    "reason_standardise": (
        "standardised from fewer than {number} patients",
        "стандартизовано по данным менее чем {number} пациентов",
    ),
    "too_few": ("too few patients", "слишком мало пациентов"),
    "too_few_at_risk": ("fewer than {minimum} at risk", "под наблюдением меньше {minimum}"),
    "cell_few_at_risk": (
        "× : fewer than {minimum} at risk, or follow-up too short.",
        "× : под наблюдением меньше {minimum} или наблюдение слишком короткое.",
    ),
    "totals_shown": (
        "Totals: of the cells shown.",
        "Суммы: только по показанным ячейкам.",
    ),
    "hidden": (
        "Groups not shown, with fewer than {minimum} patients: {count} of {total}.",
        "Не показаны группы, где меньше {minimum} пациентов: {count} из {total}.",
    ),
    "axis_break": (
        "The axis shows {low} to {high} only.",
        "Ось показана только от {low} до {high}.",
    ),
    "year": ("{years}-year {quantity}", "{quantity}, {years} лет"),
    "year_one": ("1-year {quantity}", "{quantity}, 1 год"),
    "year_few": ("{years}-year {quantity}", "{quantity}, {years} года"),
    "at_time": ("{quantity} at time {time}", "{quantity}, время {time}"),
    "small": (
        "† Fewer than {below} patients: read with care.",
        "† Меньше {below} пациентов: результат ненадёжен.",
    ),
    "small_open": (
        "Open circles and †: fewer than {below} patients, read with care.",
        "Пустые кружки и †: меньше {below} пациентов, результат ненадёжен.",
    ),
    "too_short": ("follow-up too short", "наблюдение слишком короткое"),
    "pooled": ("All", "Все"),
    "target": ("Target", "Цель"),
    "hazard_ratio": ("Hazard ratio", "Отношение рисков"),
    "interval_head": ("HR ({level} CI)", "ОР ({level} ДИ)"),
    "interval_head_unknown": ("HR (CI)", "ОР (ДИ)"),
    "share_head": ("% ({level} CI)", "% ({level} ДИ)"),
    "share_head_unknown": ("% (CI)", "% (ДИ)"),
    "p_value": ("p", "p"),
    "reference": ("reference", "сравнение"),
    "not_estimable": ("not estimable", "не оценивается"),
    "lower_risk": ("lower hazard", "риск ниже"),
    "higher_risk": ("higher hazard", "риск выше"),
    "arrows": (
        "Arrows: the interval goes on beyond the axis.",
        "Стрелки: интервал выходит за пределы оси.",
    ),
    "cell_hidden": (
        "– : fewer than {minimum} patients, or none.",
        "– : меньше {minimum} пациентов или ни одного.",
    ),
    "cell_empty": ("– : no patients.", "– : нет пациентов."),
    "cell_short": (
        "× : follow-up too short.",
        "× : наблюдение слишком короткое.",
    ),
    "total": ("Patients", "Пациенты"),
    "age": ("Age, years", "Возраст, лет"),
    "calendar_year": ("Calendar year", "Календарный год"),
    "person_years": ("Person-years", "Человеко-годы"),
    "lexis_small": (
        "Hatched: fewer than {minimum} patients.",
        "Штриховка: меньше {minimum} пациентов.",
    ),
    "deaths_per_1000": ("Deaths per 1,000 person-years", "Умершие на 1000 человеко-лет"),
    "zero_cells": (
        "Cells in which nobody died, not drawn: {count}.",
        "Ячейки без умерших, не показаны: {count}.",
    ),
    "missing_cells": (
        "Cells without a rate: {count}.",
        "Ячейки без показателя: {count}.",
    ),
    "carried_cells": (
        "Carried from other years (dashed or hatched): {count} cells.",
        "Перенесены из других лет (пунктир или штриховка): ячеек {count}.",
    ),
    "life_table_alt": (
        "Deaths per 1,000 person-years of the population by age, {first} to {last}, {strata} panels: from {low} to "
        "{high}.",
        "Умершие на 1000 человеко-лет населения по возрасту, с {first} по {last} год, графиков {strata}: от {low} до "
        "{high}.",
    ),
}


def text(key: str, language: str, /, **values: Any) -> str:
    """Return the words for ``key`` in one of `LANGUAGES`, with ``values`` filled in."""
    require_choice(language, LANGUAGES, argument="language")
    return TEXTS[key][LANGUAGES.index(language)].format(**values)


def count_text(number: float, language: str) -> str:
    """Return a whole number with thousands parted: ``1,234``; weighted numbers keep one decimal."""
    if not np.isfinite(number):
        return "–"
    whole = float(number).is_integer()
    written = f"{number:,.0f}" if whole else f"{number:,.1f}"
    if language == "ru":
        return written.replace(",", NO_BREAK_SPACE).replace(".", ",")
    return written


def decimal_text(number: float, digits: int, language: str) -> str:
    """Return a number with ``digits`` decimals and the language's decimal mark."""
    written = f"{number:.{digits}f}"
    return written.replace(".", ",") if language == "ru" else written


def percent_text(share: float, language: str, *, digits: int = 0, sign: bool = True) -> str:
    """Return a share as per cent: ``78%``, in Russian ``78 %``."""
    written = decimal_text(100 * share, digits, language)
    if not sign:
        return written
    return f"{written}{NO_BREAK_SPACE}%" if language == "ru" else f"{written}%"


def value_text(value: float, language: str, *, percent: bool) -> str:
    """Return a value of a vertical axis: a share as per cent, or a hazard as a number."""
    if percent:
        return percent_text(value, language)
    written = f"{value:.3g}"
    return written.replace(".", ",") if language == "ru" else written


def p_value_text(p_value: float, language: str) -> str:
    """Return a p-value: two decimals from 0.10 on, three below, ``<0.001`` under that."""
    if not np.isfinite(p_value):
        return ""
    if p_value < 0.001:
        return "<" + decimal_text(0.001, 3, language)
    return decimal_text(p_value, 2 if p_value >= 0.0995 else 3, language)


def year_text(years: float, quantity: str, language: str) -> str:
    """Return "5-year survival", with the Russian noun in its right form."""
    key = "year"
    if float(years) == 1:
        key = "year_one"
    elif float(years) in (2, 3, 4):
        key = "year_few"
    written = f"{years:g}" if language == "en" else f"{years:g}".replace(".", ",")
    quantity = quantity.lower() if language == "en" else quantity
    return text(key, language, years=written, quantity=quantity)


def hidden_note(hidden: int, total: int, minimum: int | None, language: str) -> str:
    """Return the note on groups not shown, empty where all are."""
    if not hidden:
        return ""
    return text(
        "hidden",
        language,
        minimum=minimum,
        count=count_text(hidden, language),
        total=count_text(total, language),
    )
