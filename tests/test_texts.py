"""The project speaks of itself: no text tells for which request, by which plan or where on a disk
it was written."""

from __future__ import annotations

import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkout import CHECKOUT

TEXTS = {".py", ".md", ".toml", ".txt", ".cff", ".sh", ".css", ".js", ".html", ".yml", ""}
FOREIGN = {"LICENSE", "tests/fixtures/origin_of_species.txt"}  # words of others, kept as they are
REQUESTS = re.compile(
    r"\bspecifications?\b|\bspecs?/|\basked: |\basked \.?\d|\bissues? #?\d|\bas "
    r"requested\b|\brequested by\b|\bthe brief\b"
    r"|\bcase ?\d\d\b|/work/|/opt/pypi|shared/(?!data)",
    re.IGNORECASE,
)

SPOKEN = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


def files() -> list[Path]:
    """Every text that is part of the project; outside a checkout, every text there is."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a checkout: which files belong to the project is not known")
    names = (name for name in listed.stdout.splitlines() if name not in FOREIGN)
    return [
        CHECKOUT / name
        for name in names
        if Path(name).suffix in TEXTS and (CHECKOUT / name).is_file()
    ]


def sentences(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of a text with their numbers; of a module only its comments and strings, since names
    are no sentences."""
    text = path.read_text()
    if path.suffix != ".py":
        yield from enumerate(text.splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in SPOKEN:
            yield from enumerate(token.string.splitlines(), token.start[0])


def test_no_text_speaks_of_requests():
    found = [
        f"{path.relative_to(CHECKOUT)}:{number}: {line.strip()}"
        for path in files()
        if path != Path(__file__).resolve()
        for number, line in sentences(path)
        if REQUESTS.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "sentence",
    [
        "took 140 s (asked: 300)",
        "all numbers of the specification are met",
        "Issue 8: within 10 %",
        "as in case 17",
        "see shared/specs",
    ],
)
def test_such_words_are_found(sentence: str):
    assert REQUESTS.search(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "results are kept unless overwriting is asked for",
        "case A1",
        "in shared/data",
        "open an issue",
    ],
)
def test_other_words_are_not(sentence: str):
    assert not REQUESTS.search(sentence)
