"""The page on the house is true: its tree is the tree, its floors are those that imports keep."""

from __future__ import annotations

import ast
from pathlib import Path

from test_dependencies import CHECKOUT, FLOORS

PAGE = CHECKOUT / "docs" / "explanation" / "house.md"
PACKAGES = ("drift", "circuits", "data_adapters")


def block_after(heading: str) -> str:
    """The first fenced block below a heading of the page."""
    return PAGE.read_text().split(f"## {heading}\n")[1].split("```text\n")[1].split("```")[0]


def folders() -> list[Path]:
    return sorted(
        path.parent for package in PACKAGES for path in (CHECKOUT / package).rglob("__init__.py")
    )


def sentence(folder: Path) -> str:
    """What a folder says of itself: the first sentence of its docstring."""
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    return " ".join(text.split("\n\n")[0].split()).rstrip(".").rstrip(":")


def tree() -> str:
    lines = []
    for folder in folders():
        parts = folder.relative_to(CHECKOUT).parts
        name = "  " * (len(parts) - 1) + parts[-1] + "/"
        lines.append(f"{name:<24}{sentence(folder)}")
    return "\n".join(lines) + "\n"


def floors() -> str:
    rooms = [", ".join(room.removeprefix("drift.") for room in floor) for floor in FLOORS]
    return (
        "\n".join(f"{number:>2}  {rooms[number]}" for number in reversed(range(len(rooms)))) + "\n"
    )


def test_the_tree_of_the_page_is_the_tree():
    assert block_after("Rooms") == tree()


def test_the_floors_of_the_page_are_those_of_the_law():
    assert block_after("Floors") == floors()


def test_no_room_holds_more_than_twenty_modules():
    for folder in folders():
        assert len(list(folder.glob("*.py"))) <= 20, folder


def test_names_and_lines_only_improve():
    """Local names that say nothing, and lines over 100 columns: both counts may only fall."""
    words = {
        "one", "ones", "found", "known", "kept", "asked", "given", "made", "part", "parts", "thing", "things", "chosen",
        "wanted", "seen", "taken", "other", "others", "rest", "all_", "now", "here", "there", "it", "them",
    }  # fmt: skip
    vague = long = 0
    for package in PACKAGES:
        for path in (CHECKOUT / package).rglob("*.py"):
            text = path.read_text()
            long += sum(len(line) > 100 for line in text.splitlines())
            nodes = ast.walk(ast.parse(text))
            vague += sum(
                isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in words
                for node in nodes
            )
    assert vague <= VAGUE and long <= LONG


VAGUE, LONG = 4, 35


def write() -> None:
    """Bring both blocks of the page up to date: ``python tests/laws/test_house.py``."""
    text = PAGE.read_text()
    for heading, block in (("Rooms", tree()), ("Floors", floors())):
        text = text.replace(block_after(heading), block)
    PAGE.write_text(text)


if __name__ == "__main__":
    write()
