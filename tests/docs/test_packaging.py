"""Container and conda recipe install what pip installs."""

from __future__ import annotations

import json
import re
import shlex
import tomllib

import yaml
from checkout import CHECKOUT
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
PACKAGING = CHECKOUT / "docs" / "packaging"
RECIPE = yaml.safe_load((PACKAGING / "meta.yaml").read_text())
# What conda-forge calls a package that has another name on the index of pip.
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "ENTRYPOINT", "CMD"}


def instructions() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile with what stands behind them; ends of lines that go on are
    joined."""
    text = (PACKAGING / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def of_kind(kind: str) -> list[str]:
    return [rest for word, rest in instructions() if word == kind]


def test_the_dockerfile_holds_known_instructions_and_names_a_version():
    assert {word for word, _ in instructions()} <= INSTRUCTIONS and instructions()[0][0] == "FROM"
    for image in of_kind("FROM"):
        name, _, tag = image.partition(":")
        assert re.fullmatch(r"[a-z/]+", name) and re.match(r"\d+\.\d+", tag), image
        version = re.match(r"\d+\.\d+", tag)
        assert version and version[0] in SpecifierSet(PROJECT["requires-python"])
    assert of_kind("USER") and "root" not in of_kind("USER")  # files are no-one's but the user's


def test_the_dockerfile_copies_what_is_there_and_installs_with_the_constraints():
    copied = [word for rest in of_kind("COPY") for word in shlex.split(rest)[:-1]]
    assert all((CHECKOUT / name).exists() for name in copied)
    hatch = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    needed = {*hatch["targets"]["wheel"]["packages"], "pyproject.toml", PROJECT["readme"]}
    assert needed | set(PROJECT["license-files"]) | {"constraints.txt"} == set(copied)
    install = shlex.split(next(line for line in of_kind("RUN") if "pip install" in line))
    assert install[install.index("--constraint") + 1] == "constraints.txt"
    extras = re.fullmatch(r"\.\[([a-z,]+)\]", install[-1])
    assert extras and set(extras[1].split(",")) <= set(PROJECT["optional-dependencies"])


def test_the_container_runs_the_command_line_as_it_is_said_to():
    assert json.loads(of_kind("ENTRYPOINT")[0]) == list(PROJECT["scripts"])
    assert json.loads(of_kind("CMD")[0]) == ["--help"]
    page = (CHECKOUT / "docs" / "how_to" / "install.md").read_text()
    for line in re.findall(r"^#   (docker .+)$", (PACKAGING / "Dockerfile").read_text(), re.M):
        assert line in page and f"repdrift:{PROJECT['version']}" in line


def pip_requirements() -> dict[str, SpecifierSet]:
    """Bounds of each package, those of several Pythons together, as one package for all needs."""
    bounds: dict[str, SpecifierSet] = {}
    for requirement in map(Requirement, PROJECT["dependencies"]):
        name = CONDA_NAMES.get(requirement.name, requirement.name).lower()
        bounds[name] = bounds.get(name, SpecifierSet()) & requirement.specifier
    return bounds


def test_the_conda_recipe_needs_what_pip_needs():
    entries = [entry.partition(" ") for entry in RECIPE["requirements"]["run"]]
    needed = {name: SpecifierSet(bounds) for name, _, bounds in entries}
    assert needed.pop("python") == SpecifierSet(PROJECT["requires-python"])
    assert needed == pip_requirements()


def test_the_conda_recipe_says_what_the_project_says():
    assert RECIPE["package"] == {"name": PROJECT["name"], "version": PROJECT["version"]}
    (entry_point,) = RECIPE["build"]["entry_points"]
    assert dict([entry_point.split(" = ")]) == PROJECT["scripts"]
    about = RECIPE["about"]
    assert (about["summary"], about["license"]) == (PROJECT["description"], PROJECT["license"])
    assert (PACKAGING / RECIPE["source"]["path"]).resolve() == CHECKOUT
    assert (CHECKOUT / about["license_file"]).is_file()
    imports = set(RECIPE["test"]["imports"])
    assert imports == {"drift", "circuits", "data_adapters"}
