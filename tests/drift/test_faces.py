"""A name that a package does not offer is answered with the one that was probably meant, though names
are loaded when first used."""

from __future__ import annotations

import pytest

import circuits
import data_adapters
import drift


@pytest.mark.parametrize(
    ("package", "misspelt", "meant"),
    [
        (drift, "meassure", "measure"),
        (drift, "frozen_codes", "frozen_code"),
        (circuits, "LinearInterneurons", "LinearInterneuron"),
        (data_adapters, "reader_name", "reader_names"),
    ],
)
def test_misspelt_names_are_answered(package, misspelt, meant):
    with pytest.raises(AttributeError, match=rf"no attribute .* \(did you mean '{meant}'\?\)"):
        getattr(package, misspelt)


def test_names_of_python_and_far_ones_are_not_guessed():
    for name in ("__wrapped__", "_repr_html_", "zzzzzz"):
        with pytest.raises(AttributeError) as refused:
            getattr(drift, name)
        assert "did you mean" not in str(refused.value)
