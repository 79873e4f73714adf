"""The report: what it says, that it is whole and safe, and that nothing is overwritten unasked."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from reported_comparison import HOSTILE, fitted, inputs

import drift
from drift.comparison.rows import checked
from drift.reporting.report import comparison_frame, report
from drift.reporting.sentences import headline
from drift.reporting.wording import number, p_value, percent

VOID = {"meta", "link", "br", "img", "input", "hr"}


@pytest.fixture(scope="module")
def given() -> dict[str, xr.Dataset]:
    return inputs()


@pytest.fixture(scope="module")
def text(given, tmp_path_factory) -> str:
    return report(path=tmp_path_factory.mktemp("report") / "full.html", **given).read_text(
        encoding="utf-8"
    )


class Page(HTMLParser):
    """Elements with their attributes, the visible text, and whether every element is closed where
    it was opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.words += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]


def test_it_tells_whether_the_codes_drift(text):
    assert "Does the code drift?" in text
    for source in ("simulation", "recording"):
        for panel in ("similarity", "recurrence", "jumps"):
            assert f'id="stability-{source}-{panel}-by-lag"' in text, (source, panel)
        assert f"Survival of active cells, {source}." in text
    assert "What fools it" in text


def test_it_is_whole_and_fetches_nothing(text):
    page = Page(text)
    assert not page.open and len(page.named("h1")) == 1 and page.named("html")[0]["lang"] == "en"
    assert "default-src 'none'" in page.named("meta")[1]["content"]
    for _, attrs in page.elements:
        for name in ("src", "href", "xlink:href", "action"):
            assert (attrs.get(name) or "#").startswith(("#", "data:"))
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style and "@import" not in style and "@font-face" not in style
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(set(ids)) == len(ids)
    targets = re.findall(r'href="#([^"]+)"', text) + re.findall(r"url\(#([^)]+)\)", text)
    assert set(targets) <= set(ids)


def test_figures_can_be_read_by_everyone(text):
    page = Page(text)
    figures = page.named("svg")
    assert len(figures) >= 10 and all(
        one["role"] == "img" and len(one["aria-label"]) > 30 for one in figures
    )
    assert text.count("<figcaption>") == len(figures) == len(page.named("figure"))
    assert text.count("<caption>") == len(page.named("table"))
    drawn = "".join(re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL))
    assert (
        not {"#000000", "#ffffff"} & set(re.findall(r"#[0-9a-f]{6}\b", drawn))
        and "currentColor" in drawn
    )
    assert "font-family" not in drawn and "<metadata" not in drawn and "DejaVu" not in drawn


def test_texts_of_files_stay_text(text):
    assert HOSTILE not in text and text.count("<script>") == 1
    assert HOSTILE in Page(text).words
    assert not list(Page(text).named("img"))


def test_it_says_what_was_compared_and_found(text, given):
    words = Page(text).words
    certain = int(
        given["comparison"]["sign_agreement"]
        .sel(source="observed", convention="mean_of_ratios")
        .notnull()
        .sum()
    )
    found = (
        "2 simulated subjects",
        "2 recorded subjects",
        f"Of {certain} published slopes" if certain else "In short",
        "learning steps (95",
        "weight lifetime",
        "drift is needed",
    )
    explained = (
        "How to read this",
        "place cell",
        "bias of spatial information",
        "[task]",
        "seeds 0, 1",
        "1 of 2 searches had not converged",
    )
    for part in (*found, *explained, "published: Sheintuch 2023", "null: frozen code"):
        assert part in words, part
    row = given["comparison"].sel(
        source="observed", measure="rate_map_correlation", convention="mean_of_ratios"
    )
    change = row["change"].item()
    certain_fall = f"falls by {percent(abs(change), signed=False)}"
    uncertain = f"shows no certain change ({percent(change)}"
    assert (certain_fall if row["p_value"] < 0.05 else uncertain) in words


def test_tables_carry_the_numbers_of_the_comparison(text, given):
    values = [
        float(value)
        for value in re.findall(
            r'data-value="([^"]+)"', text[text.index('id="summary"') : text.index("</table>")]
        )
    ]
    frame = comparison_frame(given["comparison"])
    for name in ("slope", "p_value", "effect_size"):
        assert np.isin(frame[name].dropna().to_numpy(float), values).all()


def test_frame(given):
    frame = comparison_frame(given["comparison"], "ratio_of_means")
    assert isinstance(frame, pd.DataFrame) and set(frame["kind"]) == {
        "simulation",
        "recording",
        "null model",
        "published",
    }
    assert (frame["kind"] == "published").sum() == 8
    row = frame[
        (frame["source"] == "recorded") & (frame["measure"] == "rate_map_correlation")
    ].iloc[0]
    one = given["comparison"].sel(
        source="recorded", measure="rate_map_correlation", convention="ratio_of_means"
    )
    assert (
        row["slope"] == one["slope"].item()
        and row["per"] == "day"
        and row["sessions"] == 3
        and row["subjects"] == 2
    )


def test_the_same_comparison_gives_the_same_figures(given, text, tmp_path):
    import matplotlib

    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "path"}):
        again = report(path=tmp_path / "again.html", **given).read_text(encoding="utf-8")
        assert matplotlib.rcParams["font.size"] == 30
    figures = [re.findall(r"<svg.*?</svg>", one, flags=re.DOTALL) for one in (text, again)]
    assert figures[0] == figures[1]


@pytest.mark.parametrize(
    "kind",
    [
        "alone",
        "read from a file",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("lens", "two sessions")),
    ],
)
def test_other_comparisons(kind, given, tmp_path):
    run = given["run"]
    if kind == "read from a file":
        drift.save(given["comparison"], tmp_path / "c.nc")
        comparison = drift.load(tmp_path / "c.nc")
    elif kind == "alone":
        comparison = drift.compare(run)
    else:
        sessions = slice(0, 2) if kind == "two sessions" else slice(0, 4)
        lens = drift.published_design("Jercog 2019").isel(session=sessions, unit=slice(20, None))
        comparison = drift.compare(run, like=lens, sampling_rate=2, shuffles=0)
    words = Page(report(comparison, tmp_path / "page.html").read_text(encoding="utf-8")).words
    expected = {
        "alone": "no recording and no lens was given",
        "lens": "no recording was given",
        "two sessions": "has only two sessions",
        "read from a file": "In short",
    }
    assert expected[kind] in words and not re.search(r"\bnan\b", words)
    if kind == "lens":  # cells of this design are not followed
        assert "the design of Jercog 2019" in words


@pytest.mark.slow
def test_untracked_recordings_and_planes_say_what_is_missing(given, tmp_path):
    recorded = given["recorded"].drop_vars("unit_identity")
    identity = np.array(
        [[f"session {number}" for number in range(recorded.sizes["session"])]]
        * recorded.sizes["subject"]
    )
    untracked = recorded.assign_coords(unit_identity=(("subject", "session"), identity))
    words = Page(
        report(given["comparison"], tmp_path / "a.html", recorded=untracked).read_text(
            encoding="utf-8"
        )
    ).words
    assert "Not defined" in words and "(other units)" in words
    places = recorded.sizes["place"]
    plane = recorded.drop_vars("place").assign_coords(
        place=np.arange(places),
        place_x=("place", np.arange(places) % 4 * 5.0),
        place_y=("place", np.arange(places) // 4 * 5.0),
    )
    words = Page(
        report(given["comparison"], tmp_path / "b.html", recorded=plane).read_text(encoding="utf-8")
    ).words
    assert "One row a cell" in words


def test_headline_reads_the_signs(given):
    comparison = given["comparison"].copy(deep=True)
    rising = comparison.assign(
        change=abs(comparison["change"]) + 0.1, p_value=0 * comparison["p_value"]
    )
    chosen, frame = checked(rising, "mean_of_ratios"), comparison_frame(rising)
    sentences = [one for one in headline(chosen, frame) if one.startswith("The ")]
    assert sentences and all(
        "falls" not in one and one.endswith("the same direction.") for one in sentences
    )
    opposite = rising.assign(
        change=rising["change"].where(rising["source"] != "recorded", -rising["change"])
    )
    sentences = headline(checked(opposite, "mean_of_ratios"), comparison_frame(opposite))
    assert all("opposite directions" in one for one in sentences if one.startswith("The "))


def test_numbers_are_printed_as_papers_do():
    assert (
        number(-0.00123456) == "\N{MINUS SIGN}0.00123"
        and number(0.0) == "0"
        and number(1000) == "1000"
        and number(np.nan) == "\N{EN DASH}"
    )
    assert (
        number(1.5e-7, 2) == "1.5\N{NO-BREAK SPACE}\N{MULTIPLICATION SIGN}\N{NO-BREAK SPACE}10⁻⁷"
        and number(0.5, 2, signed=True) == "+0.5"
    )
    assert number(99.96) == "100" and number(123456.0, 2) == "120000"
    assert percent(-0.004) == "0\N{NO-BREAK SPACE}%" and percent(0.126) == "+13\N{NO-BREAK SPACE}%"
    assert (
        p_value(1e-9) == "< .001"
        and p_value(0.0412) == ".041"
        and p_value(0.001, published=True) == "< .001"
    )


def test_files_are_kept_unless_overwriting_is_asked_for(given, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("mine")
    with pytest.raises(drift.RefusedInputError, match="exists and is kept"):
        report(given["comparison"], path)
    assert path.read_text() == "mine"
    assert (
        report(given["comparison"], str(path), overwrite=True) == path
        and path.read_text() != "mine"
    )
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


def test_refused(given, tmp_path):
    path, comparison = tmp_path / "report.html", given["comparison"]
    several = xr.concat([comparison, comparison], dim="design", join="outer").assign_coords(
        design=["a", "b"]
    )
    cases = [
        ({"comparison": given["run"]}, "a comparison was expected"),
        ({"comparison": several}, r"several along design: select one by \.sel\(design='a'\)"),
        ({"comparison": comparison, "convention": "median"}, "convention must be one of"),
        ({"comparison": comparison, "run": comparison}, "elapsed is missing"),
        ({"comparison": comparison, "fit": given["run"]}, "Dataset of a circuits.Fit"),
        ({"comparison": comparison, "path": tmp_path / "absent" / "a.html"}, "no folder"),
        ({"comparison": comparison, "path": tmp_path}, "is a folder"),
    ]
    for arguments, message in cases:
        with pytest.raises((drift.RefusedInputError, drift.SchemaError), match=message) as refusal:
            report(**{"path": path, **arguments})
        assert "\n" not in str(refusal.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_fit_of_many_subjects_is_cut(given, tmp_path):
    many = xr.concat([fitted()] * 5, dim="subject", join="outer").assign_coords(
        subject=list("abcde")
    )
    words = Page(
        report(given["comparison"], tmp_path / "a.html", fit=many).read_text(encoding="utf-8")
    ).words
    assert "Subject c" in words and "Subject d" not in words and "2 further subjects" in words
