"""Names and numbers as a physiologist reads them."""

from __future__ import annotations

import math

from drift.schema.variables import label_of

SOURCES = {
    "simulated": "simulation as it is",
    "observed": "simulation as observed",
    "recorded": "recording",
    "frozen code": "null: frozen code",
    "other event rate": "null: other event rate",
    "wrong registration": "null: wrong registration",
    "changed behaviour": "null: changed behaviour",
}
NULLS = {
    "frozen code": "a code that stands still",
    "other event rate": "a change of the mean event rate alone",
    "wrong registration": "mistaken cell registration alone",
    "changed behaviour": "less running alone",
}
CONVENTIONS = {
    "ratio_of_means": "the mean over subjects, divided by that of the first session",
    "mean_of_ratios": "each subject divided by its first session, then averaged over subjects",
    "renormalised_mean_of_ratios": "each subject divided by its first session, averaged, and divided by the first value once "
    ""
    "more",
}
UNKNOWN = "\N{EN DASH}"
SUPERSCRIPTS = str.maketrans(
    "-0123456789",
    "\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT ZERO}\N{SUPERSCRIPT ONE}\N{SUPERSCRIPT TWO}\N{SUPERSCRIPT THREE}\N{SUPERSCRIPT FOUR}"
    "\N{SUPERSCRIPT FIVE}\N{SUPERSCRIPT SIX}\N{SUPERSCRIPT SEVEN}\N{SUPERSCRIPT EIGHT}\N{SUPERSCRIPT NINE}",
)
MINUS = "\N{MINUS SIGN}"


def measure_name(measure: object) -> str:
    """Return a measure in words."""
    return label_of(str(measure))


def source_name(source: object) -> str:
    """Return a source in words."""
    return SOURCES.get(str(source), str(source))


def number(value: float, digits: int = 3, signed: bool = False) -> str:
    """Return a number with its significant digits, a true minus sign, powers of ten as such, and a
    dash where it is not known."""
    if not math.isfinite(value):
        return UNKNOWN
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    if -5 < int(power) < 6:
        text = f"{float(f'{value:.{digits - 1}e}'):.{max(digits - 1 - int(power), 0)}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        raised = str(int(power)).translate(SUPERSCRIPTS)
        text = f"{mantissa.rstrip('0').rstrip('.')}\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}10{raised}"
    plus = "+" if signed and value > 0 else ""
    return plus + text.replace("-", MINUS)


def percent(fraction: float, signed: bool = True) -> str:
    """Return a fraction as whole percent; what rounds to nothing has no sign."""
    if not math.isfinite(fraction):
        return UNKNOWN
    whole = round(100 * fraction)
    return f"{whole:{'+' if signed and whole else ''}d}\N{NO-BREAK SPACE}%".replace("-", MINUS)


def p_value(value: float, published: bool = False) -> str:
    """Return a p value as papers print it; a published one was reported as smaller than its
    number."""
    if not math.isfinite(value):
        return UNKNOWN
    if value < 0.001 or (published and value <= 0.001):
        return "< .001"
    return f"{value:.3f}".lstrip("0")


def counted(count: int, noun: str) -> str:
    """Return a number of things, in the singular or plural."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def listed(parts: list[str]) -> str:
    """Return a list in words: a, b and c."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def plural(unit: str) -> str:
    """Return a unit of time in the plural, as it is said; minutes are spelled out."""
    return {"min": "minutes", "day": "days", "step": "learning steps", "session": "sessions"}.get(
        unit, f"units of {unit}"
    )


def singular(unit: str) -> str:
    """Return a unit of time in the singular, as it is said."""
    return {"min": "minute", "day": "day", "step": "learning step"}.get(unit, unit)
