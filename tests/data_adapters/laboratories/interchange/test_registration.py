"""Registrations count from 0 or 1 and mark absent cells by 0, -1 or NaN: told where it can be,
asked for where not."""

import warnings

import numpy as np
import pytest

import data_adapters
from data_adapters.files.containers import write_fields
from drift.errors import RefusedInputError

CELLS = 30
BASES = {
    "from 1, 0": (1, 0),
    "from 1, -1": (1, -1),
    "from 1, NaN": (1, np.nan),
    "from 0, -1": (0, -1),
    "from 0, NaN": (0, np.nan),
}


def write(folder, table, sessions=(1, 2, 3), animal="m", name=None, cells=CELLS):
    for session in sessions:
        fields = {
            "events": np.eye(40, cells), "position": np.linspace(0, 90, 40), "fs": 20.0, "track_length_cm": 100.0, "geometry": "linear",
            "animal": animal, "environment": "A", "session": session, "time": float(session), "time_unit": "day", "n_detected": cells,
        }  # fmt: skip
        write_fields(fields, folder / f"{animal}_{session:02d}.npz", overwrite=True)
    write_fields(
        {"cell_to_index_map": table}, folder / f"{name or animal}_registration.npz", overwrite=True
    )


def units(folder, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            one["unit"].values for one in data_adapters.sessions("interchange", folder, **options)
        ]


def truth(rng, share=0.8, sessions=3, rows=CELLS):
    """(row, session) cell from 0, -1 absent; in the first session every cell is registered."""
    table = np.stack([rng.permutation(np.arange(rows)) for _ in range(sessions)], axis=1)
    table[:, 1:][rng.random((rows, sessions - 1)) > share] = -1
    return table


@pytest.mark.parametrize("coding", BASES)
def test_every_coding_gives_the_same_pairs(rng, coding, tmp_path):
    table, (base, absent) = truth(rng), BASES[coding]
    write(tmp_path, np.where(table < 0, absent, table + base))
    for session, found in enumerate(units(tmp_path)):
        cell = table[:, session]
        assert found[cell[cell >= 0]].tolist() == np.flatnonzero(cell >= 0).tolist()


def test_all_cells_from_0_are_told_by_the_cells_that_no_session_has(rng, tmp_path):
    table = truth(rng, share=1.0)
    write(tmp_path, table)
    with pytest.warns(UserWarning, match=r"taken to count cells from 0, .* say base=1"):
        first, second, third = data_adapters.sessions("interchange", tmp_path)
    np.testing.assert_array_equal(
        [one["unit"].values[table[:, i]] for i, one in enumerate((first, second, third))],
        [np.arange(CELLS)] * 3,
    )


@pytest.mark.parametrize("base", [0, 1])
def test_what_cannot_be_told_is_asked_for(base, tmp_path):
    table = np.array([[1, 2, 5], [2, 9, 7], [4, 4, 4]])
    write(tmp_path, table)
    with pytest.raises(
        RefusedInputError, match=r"may count from 0 or from 1: .* say base=0 or base=1"
    ):
        units(tmp_path)
    for session, found in enumerate(units(tmp_path, base=str(base))):
        assert found[table[:, session] - base].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (
            [[1, 2, 3], [2, 1, -1]],
            {},
            r"got -1 \(row 2, session 3\) .* write 0 where a cell is absent",
        ),
        ([[1, 2, 3], [2, np.nan, 1]], {}, r"got nan \(row 2, session 2\) .* absent"),
        (
            [[1, 2, 3], [2, -7, 1]],
            {},
            r"got -7 \(row 2, session 2\): write 0 where a cell is absent",
        ),
        ([[0, 0, 3], [0, -1, 1]], {}, r"got -1 \(row 2, session 2\)"),
        (
            [[0, 1, 2], [30, 2, 4]],
            {"base": 0},
            "name cells 0 to 29 of session 1 once each, got 30 of 30",
        ),
        ([[0, 1], [30, 2]], {}, "column for session 3, got 2"),
        ([[0, 1, 2], [2, 2, 1], [3, 2, 4]], {}, "each cell of session 2 once"),
        (np.arange(60).reshape(3, 20), {}, "shape 3 x 20: transpose it"),
        ([[0, 1, 2]], {"base": 2}, "0 or 1, got 2"),
        ([1, 2, 3], {}, "as \\(cell, session\\)"),
    ],
)
def test_what_does_not_fit_is_refused(table, options, message, tmp_path):
    write(tmp_path, np.array(table))
    with pytest.raises(RefusedInputError, match=message):
        units(tmp_path, **options)


@pytest.mark.parametrize("name", ["M", "mouse", "m1"])
def test_a_registration_of_no_animal_is_said(rng, name, tmp_path):
    write(tmp_path, truth(rng) + 1, name=name)
    with pytest.raises(RefusedInputError, match=f"got '{name}': rename it m_registration.npz"):
        units(tmp_path)


def test_missing_days_keep_their_columns(rng, tmp_path):
    table = truth(rng, sessions=4)
    write(tmp_path, table + 1, sessions=(1, 3, 4))
    found = units(tmp_path)
    for unit, session in zip(found, (0, 2, 3)):
        cell = table[:, session]
        assert unit[cell[cell >= 0]].tolist() == np.flatnonzero(cell >= 0).tolist()
