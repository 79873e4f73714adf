"""How the pages in this folder become HTML: `make docs`, no network, warnings are errors."""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import os
import re
import shutil
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parent
CHECKOUT = DOCS.parent
NOTEBOOKS = DOCS / "tutorials" / "notebooks"
GENERATED = DOCS / "reference" / "generated_text"
sys.path.insert(0, str(CHECKOUT))
# Notebooks run in processes of their own: the checkout is what they import.
os.environ.update(PYTHONPATH=f"{CHECKOUT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
# Kernels that inherit a backend without windows, usual on servers, would show no figure.
os.environ.pop("MPLBACKEND", None)

project = "repdrift"
author = "The repdrift developers"
copyright = "the repdrift developers"
release = version = installed_version("repdrift")

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "conf.py", "reference/generated_text", "**/.ipynb_checkpoints"]
nitpicky = True

# Docstrings name the types in words, with dims and units, so that signatures can stay short.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
toc_object_entries_show_parents = "hide"
autodoc_default_options = {"exclude-members": "model_config, model_fields, model_post_init"}
autosummary_generate = sorted(
    f"reference/{page.name}" for page in (DOCS / "reference").glob("*.md")
)  # new ones at once
autosummary_ignore_module_all = False
numpydoc_show_class_members = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
nb_execution_mode = (
    "force"  # of a page that has changed; the cache would not notice that the package has
)
nb_execution_timeout = 180
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_execution_show_tb = True
nb_merge_streams = True
nb_output_stderr = "remove"  # progress bars
nb_ipywidgets_js = {}  # it would come from a server

html_theme = "pydata_sphinx_theme"
html_title = "repdrift"
html_static_path = ["_static"]
html_css_files = ["repdrift.css"]
html_show_sourcelink = False
html_copy_source = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "show_nav_level": 1,
    "navigation_depth": 3,
    "header_links_before_dropdown": 7,
    "show_toc_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "secondary_sidebar_items": {
        "**": ["page-toc"],
        "index": [],
        "feature_table": [],
        "glossary": [],
        "reference/command_line": [],
    },
    "footer_start": ["copyright"],
    "footer_end": [],
    "search_bar_text": "Search these pages",
}
html_sidebars = {"index": [], "glossary": [], "changelog": [], "cite": [], "feature_table": []}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"


def write_if_changed(path: Path, text: str) -> None:
    """Write a generated source, but leave one that is right alone: Sphinx then reads, and runs,
    only what has changed."""
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def copy_notebooks() -> None:
    """Bring the notebooks of the examples into this folder, and take away those that are gone."""
    found = {
        path.name: path.read_text()
        for path in sorted((CHECKOUT / "examples" / "notebooks").glob("*.py"))
    }
    for name, text in found.items():
        write_if_changed(NOTEBOOKS / name, text)
    for stale in NOTEBOOKS.glob("*.py"):
        if stale.name not in found:
            stale.unlink()


def forget_generated_pages() -> None:
    """Take away the pages of names that may be public no more; autosummary writes the others
    again."""
    shutil.rmtree(DOCS / "reference" / "generated", ignore_errors=True)


def said(words: list[str]) -> str:
    """What the program answers, as wide as a page shows without scrolling."""
    from drift.cli import main

    with contextlib.redirect_stdout(io.StringIO()) as answer, contextlib.suppress(SystemExit):
        main(words)
    return answer.getvalue().rstrip()


def write_command_help() -> None:
    """Ask the installed program for the help of each command."""
    os.environ.update(COLUMNS="104", NO_COLOR="1", TERM="dumb")
    from drift.cli import COMMANDS

    for name in ("", *COMMANDS):
        write_if_changed(
            GENERATED / f"{name or 'repdrift'}.txt", said([*filter(None, [name]), "--help"]) + "\n"
        )
    sections = [
        f"## repdrift {name}\n\n```{{literalinclude}} generated_text/{name}.txt\n:language: "
        "text\n```\n"
        for name in COMMANDS
    ]
    write_if_changed(GENERATED / "commands.md", "\n".join(sections))


def write_variables() -> None:
    """Write the table of all variables of the labelled form."""
    from drift.schema import VARIABLES

    head = "| variable | dims | units | meaning |\n|---|---|---|---|\n"
    rows = [
        f"| `{name}` | {', '.join(one.dims)} | {one.units} | {one.meaning} |"
        for name, one in VARIABLES.items()
    ]
    write_if_changed(GENERATED / "variables.md", head + "\n".join(rows) + "\n")


VIEW = re.compile(
    r'<script type="application/vnd.jupyter.widget-view\+json">(.*?)</script>', re.DOTALL
)
STATE = re.compile(
    r'<script type="application/vnd.jupyter.widget-state\+json">(.*?)</script>', re.DOTALL
)
STILL = """<figure class="still"><img alt="The first picture of these sliders" src="data:image/png;base64,{}"/>
<figcaption>In JupyterLab this picture answers to its sliders.</figcaption></figure>"""


def pictures_of(model: str, state: dict[str, dict]) -> list[str]:
    """Pictures within a widget, base64."""
    own = [
        buffer["data"]
        for buffer in state[model].get("buffers", [])
        if state[model]["model_name"] == "ImageModel"
    ]
    children = state[model]["state"].get("children", [])
    return own + [
        picture
        for child in children
        for picture in pictures_of(child.removeprefix("IPY_MODEL_"), state)
    ]


def show_still_widgets(app: Sphinx, failure: Exception | None) -> None:
    """Put the first picture of sliders in their place: a page has no kernel, and what would draw
    them comes from a server."""
    for page in (Path(app.outdir) / "tutorials" / "notebooks").glob("*.html"):
        text = page.read_text()
        if found := STATE.search(text):
            state = json.loads(found[1])["state"]
            still = VIEW.sub(
                lambda view: "".join(
                    map(STILL.format, pictures_of(json.loads(view[1])["model_id"], state))  # noqa: B023
                ),
                text,
            )
            page.write_text(STATE.sub("", still))


def keep_bars(
    app: Sphinx, what: str, name: str, entity: object, options: object, lines: list[str]
) -> None:
    """Bars are absolute values in equations, not substitutions; those inside of literals are left
    alone."""
    for number, line in enumerate(lines):
        parts = line.split("``")
        lines[number] = "``".join(
            part if place % 2 else part.replace("|", r"\|") for place, part in enumerate(parts)
        )


def describe_entries(
    app: Sphinx, what: str, name: str, entity: object, options: object, lines: list[str]
) -> None:
    """List the entries of a recipe, with defaults and bounds, where its docstring does not:
    validation knows them best."""
    from drift.recipe import Recipe

    if not (what == "class" and inspect.isclass(entity) and issubclass(entity, Recipe)):
        return
    documented = "\n".join(lines)
    rows = [
        entry
        for key, field in entity.model_fields.items()
        if (entry := _entry(key, field)) and f"**{key}**" not in documented
    ]
    if rows:
        lines.extend(["", ".. rubric:: Entries of the recipe", "", *rows, ""])


def _entry(name: str, field: object) -> str:
    from pydantic_core import PydanticUndefined

    if name == "kind":
        return ""
    default = field.default
    if field.default_factory is not None:
        shown = f"by default ``{field.default_factory()!r}``"
    else:
        shown = "no default" if default is PydanticUndefined else f"by default ``{default!r}``"
    bounds = {"Gt": ">", "Ge": ">=", "Lt": "<", "Le": "<="}
    limits = [
        f"{bounds[type(rule).__name__]} {next(iter(vars_of(rule)))}"
        for rule in field.metadata
        if type(rule).__name__ in bounds
    ]
    return f"* ``{name}``: {', '.join([shown, *limits])}"


def vars_of(rule: object) -> list[object]:
    return [getattr(rule, type(rule).__name__.lower())]


def shorten_defaults(
    app: Sphinx,
    what: str,
    name: str,
    entity: object,
    options: object,
    signature: str,
    returned: str,
) -> object:
    """A default of many names hides the arguments behind it; the docstring says what it is."""
    return signature and re.sub(r"=\([^()]{60,}\)", "=...", signature), returned


def without_recipe_base(
    app: Sphinx, name: str, entity: object, options: object, bases: list[object]
) -> None:
    """Pydantic and abstract bases say nothing to a reader."""
    bases[:] = [
        base
        for base in bases
        if getattr(base, "__module__", "").split(".")[0] in ("drift", "circuits", "data_adapters")
    ]


def setup(app: Sphinx) -> None:
    copy_notebooks()
    forget_generated_pages()
    write_command_help()
    write_variables()
    app.connect("build-finished", show_still_widgets)
    app.connect("autodoc-process-docstring", keep_bars, priority=800)
    app.connect("autodoc-process-docstring", describe_entries, priority=900)
    app.connect("autodoc-process-signature", shorten_defaults)
    app.connect("autodoc-process-bases", without_recipe_base)
