"""Recipes and results as small HTML tables for notebooks: no script, everything escaped, readable
on light and on dark pages."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drift.recipe import Recipe

LONGEST_LINE = (
    2_000  # characters of Python; recipes that hold arrays are longer, and nobody would paste them
)
LARGEST_TUPLE = 12  # entries that are spelled out
# JupyterLab names its colours by these variables in both themes; elsewhere the page's own text
# colour is taken.
STYLE = """<style>
.repdrift {color: var(--jp-content-font-color1, inherit); font-size: 0.9em; line-height: 1.4}
.repdrift table {border-collapse: collapse; margin: 0.3em 0; border: 0}
.repdrift caption {text-align: left; caption-side: top; padding: 0.2em 0; color: inherit}
.repdrift th, .repdrift td {text-align: left; vertical-align: top; padding: 0.15em 0.8em 0.15em 0.3em; background: none; color: inherit;
  border: 0; border-bottom: 1px solid var(--jp-border-color2, rgba(128, 128, 128, 0.4))}
.repdrift th {font-weight: normal; opacity: 0.75}
.repdrift td.number {text-align: right; font-variant-numeric: tabular-nums}
.repdrift pre {white-space: pre-wrap; margin: 0.3em 0; background: none; color: inherit}
</style>"""


def block(*parts: str) -> str:
    """Return parts of HTML as one block with its style.

    Parameters
    ----------
    *parts : str
        HTML, already escaped.

    Returns
    -------
    str
    """
    return f'{STYLE}<div class="repdrift">{"".join(parts)}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """Return a table; numbers stand to the right, and everything is escaped.

    Parameters
    ----------
    head : sequence of str
        Column names.
    rows : iterable of sequence
        Cells; a float is written with three digits, NaN as a dash.
    caption : str

    Returns
    -------
    str
    """
    titles = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    above = f"<caption><b>{escape(caption)}</b></caption>" if caption else ""
    return f"<table>{above}<thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f'<td class="number">{"-" if value != value else f"{value:.3g}"}</td>'
    return (
        f'<td class="number">{value}</td>'
        if isinstance(value, int)
        else f"<td>{escape(str(value))}</td>"
    )


def recipe_html(recipe: Recipe, *more: str) -> str:
    """Return a recipe as nested tables, entries that differ from their defaults in bold, and the
    line of Python that makes it.

    Parameters
    ----------
    recipe : Recipe
    *more : str
        HTML between the tables and the line.

    Returns
    -------
    str
    """
    line = python_line(recipe)
    code = f"<pre><code>{escape(line)}</code></pre>" if len(line) <= LONGEST_LINE else ""
    return block(_entries(recipe), *more, code)


def _entries(recipe: Recipe, changed: bool = True) -> str:
    """Return the table of a recipe; its name is bold where the default is of another kind."""
    title = f"<b>{escape(type(recipe).__name__)}</b>" if changed else escape(type(recipe).__name__)
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        f"<td>{_value(name, value, _default(recipe, name))}</td></tr>"
        for name, value in recipe
        if name != "kind"
    )
    return f"<table><caption>{title}</caption><tbody>{rows}</tbody></table>"


def _value(name: str, value: Any, default: object) -> str:
    if _is_recipe(value):
        return _entries(value, type(value) is not type(default))
    if isinstance(value, tuple) and value and all(map(_is_recipe, value)):
        return "".join(map(_entries, value))
    shown = escape(_shown(name, value))
    return f"<b>{shown}</b>" if value != default else shown


def _shown(name: str, value: object) -> str:
    if isinstance(value, tuple):
        return (
            ", ".join(map(str, value))
            if len(str(value)) <= 80 and len(value) <= LARGEST_TUPLE
            else _size(value)
        )
    if isinstance(value, float):
        return f"{value * 1e3:g} ms" if name.endswith("time_constant") else f"{value:.6g}"
    return "not set" if value is None else str(value)


def _size(value: object) -> str:
    sizes = []
    while isinstance(value, tuple) and value:
        sizes.append(str(len(value)))
        value = value[0]
    return f"{' x '.join(sizes)} numbers" if sizes else "none"


def _is_recipe(value: object) -> bool:
    # told by what it is made of: recipes show themselves by this module
    return hasattr(type(value), "model_fields")


def _default(recipe: Recipe, name: str) -> object:
    return type(recipe).model_fields[name].get_default(call_default_factory=True)


def python_line(recipe: Recipe) -> str:
    """Return the line of Python that makes a recipe, with the entries that differ from their
    defaults.

    Parameters
    ----------
    recipe : Recipe

    Returns
    -------
    str
        A call; classes of repdrift by the name under which they are imported, those of a user by
        their own.
    """
    entries = [
        f"{name}={_code(value)}"
        for name, value in recipe
        if name != "kind" and value != _default(recipe, name)
    ]
    return f"{_public_name(type(recipe))}({', '.join(entries)})"


def _code(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_code, value))}]"
    return python_line(value) if _is_recipe(value) else repr(value)


def _public_name(kind: type) -> str:
    package = kind.__module__.split(".")[0]
    if package not in ("drift", "circuits", "data_adapters"):
        return kind.__qualname__
    public = kind.__name__ in getattr(sys.modules.get(package), "__all__", ())
    return f"{package if public else kind.__module__}.{kind.__name__}"
