"""Texts as tasks: what a window holds, what comes after it, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from checkout import DARWIN

import drift

TASK = drift.TextTask(path=str(DARWIN), context=20, samples=50, test_samples=7)


def spelled(numbers: np.ndarray, vocabulary: np.ndarray) -> str:
    return "".join(map(chr, vocabulary[numbers]))


def test_windows_are_of_the_text_and_targets_one_character_on() -> None:
    drawn, text = TASK.draw(3), DARWIN.read_text(encoding="utf-8")
    edge = len(text) - len(text) // 10
    for part, lies_in in (("", text[:edge]), ("test_", text[edge:])):
        for window, following in zip(
            drawn[f"{part}inputs"].values, drawn[f"{part}targets"].values, strict=True
        ):
            assert spelled(window, drawn.vocabulary.values) in lies_in
            assert (
                spelled(window, drawn.vocabulary.values)[1:]
                == spelled(following, drawn.vocabulary.values)[:-1]
            )
            assert spelled(np.append(window, following[-1]), drawn.vocabulary.values) in lies_in
    assert spelled(drawn.test_inputs.values[0], drawn.vocabulary.values) == text[edge : edge + 20]
    assert spelled(drawn.test_targets.values[-1], drawn.vocabulary.values) == text[-20:]
    assert sorted(set(text)) == list(
        spelled(np.arange(drawn.sizes["token"]), drawn.vocabulary.values)
    )


def test_the_seed_draws_training_windows_alone() -> None:
    first, again, other = TASK.draw(0), TASK.draw(0), TASK.draw(1)
    assert (
        first.equals(again)
        and not first.inputs.equals(other.inputs)
        and first.test_inputs.equals(other.test_inputs)
    )


def test_bytes_need_no_text(tmp_path: Path) -> None:
    path = tmp_path / "any"
    path.write_bytes(bytes(range(256)) * 2)
    drawn = drift.TextTask(path=str(path), tokens="bytes", context=5, samples=9).draw(0)
    assert np.array_equal(drawn.targets, (drawn.inputs + 1) % 256) and drawn.sizes["token"] == 256


def test_characters_beyond_ascii_are_single_tokens(tmp_path: Path) -> None:
    path = tmp_path / "greek.txt"
    path.write_text("ἐσκήνωσεν 🦉 " * 20, encoding="utf-8")
    drawn = drift.TextTask(path=str(path), context=12, samples=1).draw(0)
    assert set(map(chr, drawn.vocabulary.values)) == set("ἐσκήνωσεν 🦉 ")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be-sig", "utf-32"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_how_a_text_was_saved_changes_no_token(encoding: str, ending: str, tmp_path: Path) -> None:
    path, plain = tmp_path / "text.txt", tmp_path / "plain.txt"
    text = "ἐσκήνωσεν\nabc def\n" * 20
    mark, law = ("\ufeff", "utf-16-be") if encoding == "utf-16-be-sig" else ("", encoding)
    path.write_bytes((mark + text.replace("\n", ending)).encode(law))
    plain.write_bytes(text.encode())
    saved, drawn = (
        drift.TextTask(path=str(one), context=12, samples=5).draw(0) for one in (path, plain)
    )
    assert saved.equals(drawn), "numbers of tokens, which are whole"
    assert 0xFEFF not in saved.vocabulary and 0xFFFE not in saved.vocabulary


def test_a_mark_within_the_text_stays_a_character(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("abc\ufeffdef\n" * 40, encoding="utf-8")
    assert 0xFEFF in drift.TextTask(path=str(path), context=8, samples=4).draw(0).vocabulary


def test_bytes_are_taken_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(b"\xef\xbb\xbf" + b"a\r\n" * 40)
    drawn = drift.TextTask(path=str(path), tokens="bytes", context=4, samples=50).draw(0)
    assert {0x0D, 0x0A} <= set(np.unique(drawn.inputs))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "should be a text file that can be read, got: No such file"),
        (b"", "got an empty file: give another"),
        (
            b"brief",
            "needs 210 characters for windows of 20 and a tenth to hold out, got 5: give a "
            "longer text",
        ),
        (b"\xff\xd8\xff\xe0" * 100, "should be a text in UTF-8, got something else"),
        (
            b"\xff\xfe" + b"\x00\xdc" * 200,
            "should be a text in UTF-8, got something else",
        ),  # half of a surrogate pair
        (b"\x00\x01" * 200, "a character with code 0.*tokens='bytes'"),
    ],
)
def test_what_is_no_text_is_refused(content: bytes | None, sentence: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "text").write_bytes(content)
    with pytest.raises(drift.RefusedInputError, match=sentence):
        TASK.replace(path=str(tmp_path / "text")).draw(0)


def test_the_shortest_text_is_210_characters(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("a" * 209)
    with pytest.raises(drift.RefusedInputError, match="got 209"):
        TASK.replace(path=str(path)).draw(0)
    path.write_text("a" * 210)
    assert TASK.replace(path=str(path)).draw(0).sizes["test_sample"] == 7
