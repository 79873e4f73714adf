"""What an NWB file says of its animal, in the words that archives take (DANDI, nwbinspector)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from drift.schema.labelled_form import RefusedInputError

FIELDS = (
    "age",
    "age__reference",
    "date_of_birth",
    "genotype",
    "sex",
    "species",
    "strain",
    "weight",
)
ARCHIVED = ("species", "sex", "age")  # without which DANDI takes no file
SEXES = {"M": "male", "F": "female", "U": "unknown", "O": "other"}
BINOMIAL = re.compile(r"[A-Z][a-z]* [a-z]+")
TAXON = re.compile(r"http://purl\.obolibrary\.org/obo/NCBITaxon_\d+")
NUMBER = r"\d+(?:\.\d+)?"
DURATION = re.compile(
    rf"P(?!$)(?:(?P<years>{NUMBER})Y)?(?:(?P<months>{NUMBER})M)?(?:(?P<weeks>{NUMBER})W)?"
    rf"(?:(?P<days>{NUMBER})D)?(?:T(?=\d)(?:(?P<hours>{NUMBER})H)?(?:(?P<minutes>{NUMBER})M)?"
    rf"(?:(?P<seconds>{NUMBER})S)?)?"
)
DAYS = {"years": 365.25, "months": 30.4375, "weeks": 7.0, "days": 1.0} | {
    "hours": 1 / 24,
    "minutes": 1 / 1_440,
    "seconds": 1 / 86_400,
}


def subject_fields(subject: Mapping[str, str] | None) -> dict[str, str]:
    """Return the fields of a subject, or refuse what an archive would reject.

    Parameters
    ----------
    subject : mapping of str to str, optional
        Fields of ``pynwb.file.Subject``.

    Returns
    -------
    dict of str to str

    Raises
    ------
    RefusedInputError
        If a field is unknown, the species is neither a Latin binomial nor an NCBI taxon link, the
        sex none of M, F, U and O, or the age no ISO 8601 duration, or range of two.

    References
    ----------
    NWB Inspector, best practices for the subject, as DANDI asks for them.
    """
    fields = dict(subject or {})
    unknown = [name for name in fields if name not in FIELDS]
    if unknown:
        raise RefusedInputError(
            f"subject was expected to hold fields of an NWB subject, got {unknown[0]!r}: use "
            f"{', '.join(FIELDS)}."
        )
    for name, check in (("species", _species), ("sex", _sex), ("age", _age)):
        if name in fields:
            check(fields[name])
    return fields


def not_given(subject: Mapping[str, str]) -> list[str]:
    """Return the fields without which the DANDI archive takes no file; an age may be told by the
    date of birth.

    Parameters
    ----------
    subject : mapping of str to str
        Fields of ``subject_fields``.
    """
    told = {*subject, *(["age"] if "date_of_birth" in subject else [])}
    return [name for name in ARCHIVED if name not in told]


def _species(species: object) -> None:
    text = str(species)
    if not (BINOMIAL.fullmatch(text) or TAXON.fullmatch(text)):
        raise RefusedInputError(
            f"species of the subject was expected to be a Latin binomial, got {species!r}: write "
            "it as 'Mus musculus', or as http://purl.obolibrary.org/obo/NCBITaxon_10090."
        )


def _sex(sex: object) -> None:
    if sex not in SEXES:
        told = ", ".join(f"{letter} ({meaning})" for letter, meaning in SEXES.items())
        raise RefusedInputError(
            f"sex of the subject was expected to be one letter, got {sex!r}: use one of {told}."
        )


def _age(age: object) -> None:
    """An age, or a range of ages such as P10W/P12W, whose end may be open."""
    first, _slash, last = str(age).partition("/")
    ends = [first, *([last] if last else [])]
    if not all(DURATION.fullmatch(end) for end in ends) or "/" in last:
        raise RefusedInputError(
            f"age of the subject was expected to be an ISO 8601 duration, got {age!r}: write it "
            "as P90D, P12W or P3M, or as a range, P10W/P12W."
        )
    if len(ends) == 2 and not _days(first) < _days(last):
        raise RefusedInputError(
            f"age of the subject was expected to be a range that rises, got {age!r}: put the "
            "younger age first."
        )


def _days(duration: str) -> float:
    match = DURATION.fullmatch(duration)
    amounts = match.groupdict() if match else {}
    return sum(float(amount) * DAYS[unit] for unit, amount in amounts.items() if amount)
