"""The door: what a signature says is checked before a function is entered, in one sentence, once,
and at little cost."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
import timeit
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import pytest
import xarray as xr

import circuits
import drift
from drift import metrics
from drift.door import opened
from drift.door.memory import refuse_beyond_memory
from drift.door.quantities import (
    Alike,
    Confidence,
    Count,
    Dims,
    Numbers,
    OfSessions,
    Positive,
    Range,
    Square,
    Unbounded,
    WithUnits,
)
from drift.errors import RefusedInputError, SchemaError

RATE = xr.DataArray(
    np.ones((2, 3)), dims=("unit", "place"), coords={"unit": [0, 1], "place": [1.0, 2.0, 3.0]}
)


@opened
def taken(
    number: float = 1.0,
    *,
    count: Count = 1,
    confidence: Confidence = 0.9,
    edge: Unbounded = np.inf,
    word: Literal["one", "two"] = "one",
    names: Sequence[str] = (),
    bounds: Mapping[str, tuple[float, float]] | None = None,
    several: Iterable[xr.Dataset] = (),
    array: np.ndarray | None = None,
    numbers: Numbers = 0,
    rate: Annotated[xr.DataArray, Dims("place")] | None = None,
    other: xr.DataArray | None = None,
    rng: np.random.Generator | None = None,
) -> Any:
    """Return the arguments."""
    return locals()


RIGHT: list[dict[str, Any]] = [
    {"number": 3},
    {"number": np.float32(0.5)},
    {"count": np.int64(4)},
    {"count": 3.0},
    {"confidence": np.float64(0.5)},
    {"edge": -np.inf},
    {"word": np.str_("two")},
    {"names": ["a", "b"]},
    {"bounds": {"gain": (0.1, 2)}},
    {"bounds": None},
    {"array": [[1, 2], [3, 4]]},
    {"array": np.array([np.nan, 1.0])},
    {"numbers": [0.1, 0.2]},
    {"rate": RATE, "other": RATE.isel(place=0)},
    {"rng": np.random.default_rng(0)},
]
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"number": "1"}, "number must be one finite number, got '1' in taken: its default is 1.0."),
    ({"number": None}, "got None"),
    ({"number": np.nan}, "got nan"),
    ({"number": np.inf}, "got inf"),
    ({"number": [1.0]}, "got list"),
    ({"number": True}, "got True"),
    ({"number": 1j}, "number must be one finite number"),
    ({"count": 0}, "count must be a whole number from 1, got 0"),
    ({"count": 1.5}, "got 1.5"),
    ({"count": 2**31}, "count must be a whole number of at most 1000000, got 2147483648"),
    ({"confidence": np.nan}, "confidence must be one finite number between 0 and 1, both excluded"),
    ({"confidence": 1.0}, "both excluded, got 1.0"),
    ({"word": "tow"}, "word 'tow' is unknown (did you mean 'two'?): use one of one, two."),
    ({"names": "loss"}, "names must be a list of names, got 'loss' in taken: write it in brackets"),
    ({"names": ["loss", 3]}, "entry 1 of names must be text, got 3"),
    ({"bounds": {"gain": (1.0,)}}, "entry 'gain' of bounds must be 2 values"),
    ({"several": [3]}, "entry 0 of several must be an xarray Dataset, got 3"),
    ({"several": xr.Dataset()}, "several must be a list of Datasets"),
    ({"array": ["a"]}, "array must be an array of real numbers"),
    ({"array": [[1], [2, 3]]}, "give rows of one length"),
    ({"array": [xr.Dataset(), 1.0]}, "give numbers alone"),
    ({"array": np.array([np.inf])}, "finite"),
    ({"array": 1j * np.ones(3)}, "real numbers"),
    ({"numbers": "a"}, "numbers must be numbers"),
    ({"rate": RATE.values}, "must be an xarray DataArray"),
    ({"rate": RATE.isel(place=0)}, "with the dim 'place'"),
    ({"rate": RATE.isel(unit=slice(0))}, "must be an array that is not empty, got no unit"),
    ({"rate": RATE.astype(str)}, "real numbers"),
    ({"rate": RATE.astype(object)}, "real numbers"),
    ({"rate": RATE * np.inf}, "rate must be finite, or NaN where nothing was observed"),
    (
        {"rate": RATE.assign_coords(unit=[3, 3])},
        "rate must be labelled once for each unit, got the unit 3 twice",
    ),
    (
        {"rate": RATE, "other": RATE[:, ::-1]},
        "labelled along place as other is, got 1.0 in rate and 3.0 in other at place 0",
    ),
    (
        {"rate": RATE, "other": RATE[:, :2]},
        "other must be an array with one entry per place of rate, got 2 entries for 3",
    ),
    ({"rng": 3}, "make one with drift.stream"),
    ({"cuont": 3}, "taken has no argument 'cuont' (did you mean 'count'?)"),
]


@pytest.mark.parametrize("arguments", RIGHT, ids=range(len(RIGHT)))
def test_what_a_hint_says_is_taken_as_it_is(arguments: dict[str, Any]):
    given = taken(**arguments)
    assert all(
        np.array_equal(given[name], value)
        for name, value in arguments.items()
        if isinstance(value, int | float | np.generic)
    )


@pytest.mark.parametrize(("arguments", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_what_it_does_not_say_is_refused_in_one_sentence(arguments: dict[str, Any], sentence: str):
    with pytest.raises(RefusedInputError) as refusal:
        taken(**arguments)
    assert (
        sentence in str(refusal.value)
        and "\n" not in str(refusal.value)
        and str(refusal.value).endswith(".")
    )


def test_an_iterator_is_checked_as_it_is_read():
    several = taken(several=iter([xr.Dataset(), 3]))["several"]
    assert isinstance(next(several), xr.Dataset)
    with pytest.raises(RefusedInputError, match="entry 1 of several must be an xarray Dataset"):
        next(several)


def test_inside_of_a_public_function_arguments_are_trusted():
    @opened
    def outer(count: Count) -> Any:
        return taken(count="trusted")["count"]  # type: ignore[arg-type]

    assert outer(1) == "trusted"
    with pytest.raises(RefusedInputError, match="got 'text'"):
        taken(count="text")  # type: ignore[arg-type]


def test_errors_of_ours_are_not_hidden_but_memory_is_named():
    @opened
    def broken(kind: Literal["key", "memory"]) -> None:
        raise KeyError("ours") if kind == "key" else MemoryError("Unable to allocate 7 TiB")

    with pytest.raises(KeyError):
        broken("key")
    with pytest.raises(
        RefusedInputError,
        match="must fit in the memory of this computer, got Unable to allocate 7 TiB",
    ):
        broken("memory")


def test_what_waits_in_dask_is_computed_once():
    dask_array = pytest.importorskip("dask.array")
    computed = []

    def counted(block: np.ndarray) -> np.ndarray:
        computed.append(block.shape)
        return block + 1

    lazy = RATE.copy(
        data=dask_array.ones(RATE.shape, chunks=-1).map_blocks(counted, meta=np.ones((0, 0)))
    )
    computed.clear()
    given = taken(rate=lazy)["rate"]
    assert computed == [RATE.shape] and given.chunks is None
    occupancy = xr.ones_like(RATE.isel(unit=0, drop=True))
    xr.testing.assert_identical(
        metrics.spatial_information(RATE.chunk(), occupancy),
        metrics.spatial_information(RATE, occupancy),
    )


def test_a_dataset_that_does_not_fit_is_a_schema_error():
    with pytest.raises(SchemaError, match="rate of dataset must be 0 or more, got -1"):
        metrics.of_subject(xr.Dataset({"rate": -RATE}), "rate")
    with pytest.raises(SchemaError, match="dataset must be an xarray Dataset"):
        metrics.summary(RATE, "rate")  # type: ignore[arg-type]


def test_a_door_keeps_name_text_signature_and_pickling():
    import inspect

    assert metrics.rate_maps.__name__ == "rate_maps" and "sample" in (
        metrics.rate_maps.__doc__ or ""
    )
    assert "places" in inspect.signature(metrics.rate_maps).parameters
    assert pickle.loads(pickle.dumps(metrics.rate_maps)) is metrics.rate_maps
    assert pickle.loads(pickle.dumps(drift.train)) is drift.train


def test_a_door_costs_little():
    taken(2.0, count=3)
    took = (
        min(
            timeit.repeat(
                lambda: taken(2.0, count=3), number=200, repeat=5, timer=time.process_time
            )
        )
        / 200
    )
    assert took < 100e-6  # about 15 us of the processor


def test_importing_reads_no_hints():
    unread = ("drift.door.signature", "drift.door.hints", "pydantic", "xarray")
    script = f"import sys, drift; print([name for name in sys.modules if name in {unread}])"
    assert (
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )


def test_a_range_says_what_it_holds():
    for text, span, inside, outside in (
        ("", Range(), (-1e300, 0, 1e300), (np.nan,)),
        (" not below 0", Range(0), (0, 5), (-1e-300,)),
        (" above 0", Range(0, above=True), (1e-300,), (0, -1)),
        (" from 0 to 1", Range(0, 1), (0, 1), (-0.1, 1.1, np.nan)),
        (" between 0 and 1, both excluded", Range(0, 1, True, True), (0.5,), (0, 1)),
    ):
        assert span.wording() == text
        assert all(map(span.holds, inside)) and not any(map(span.holds, outside))


@pytest.mark.parametrize("shape", [(2**32 + 1,), (10**6, 10**6), (2**20, 2**13)])
def test_what_no_memory_holds_is_refused(shape: tuple[int, ...]):
    with pytest.raises(RefusedInputError, match="must fit in 32 GiB"):
        refuse_beyond_memory("numbers", *shape)
    refuse_beyond_memory("numbers", 2**32 // 2)


def test_positive_is_part_of_the_signature():
    assert Positive.__metadata__[0].low == 0  # type: ignore[attr-defined]


@opened
def broadcast(one: Alike, other: Alike = 0.0) -> Any:
    """Return the sum."""
    return one + other


@opened
def sized(
    time: OfSessions,
    values: OfSessions,
    matrix: Square | None = None,
    activity: WithUnits | None = None,
) -> int:
    """Return how many sessions there are."""
    return len(time)


@opened
def passing(**options: Any) -> Any:
    """Return the options."""
    return options


def test_numbers_of_one_call_are_broadcast_or_refused():
    assert broadcast(np.ones((2, 3)), np.arange(3)).shape == (2, 3)
    assert (
        broadcast(RATE, 1).dims == RATE.dims
        and broadcast(RATE, RATE.isel(unit=0, drop=True)).dims == RATE.dims
    )
    assert broadcast(RATE, RATE.values).dims == RATE.dims
    assert broadcast(np.ones((2, 3)), xr.DataArray(2.0)).shape == (2, 3)
    for one, other in ((np.ones((2, 3)), np.ones(2)), (RATE, np.ones(3)), (np.ones(2), RATE)):
        with pytest.raises(RefusedInputError, match="must be numbers that fit the shape"):
            broadcast(one, other)
    for stranger in ("a", {}, None, len, 1j):
        with pytest.raises(RefusedInputError, match="other must be"):
            broadcast(1.0, stranger)


def test_axes_of_one_name_are_equally_long():
    assert sized(np.arange(3), [1, 2, 3], np.eye(2), np.ones((4, 2))) == 3
    for arguments, sentence in (
        (
            {"values": np.ones(4)},
            "values must be an array with one session for each of the 3 of time, got 4",
        ),
        ({"values": np.ones((3, 1))}, "values must be an array of numbers with the axis session"),
        (
            {"values": np.ones(3), "matrix": np.ones((2, 3))},
            "matrix must be an array with one entry for each of the",
        ),
        (
            {"values": np.ones(3), "activity": np.array(1.0)},
            "activity must be an array of numbers with the axes ..., unit",
        ),
    ):
        with pytest.raises(RefusedInputError) as refusal:
            sized(np.arange(3), **arguments)
        assert sentence in str(refusal.value)


def test_a_door_is_put_once_and_options_that_are_passed_on_are_checked_where_they_are_read():
    assert opened(passing) is passing
    circuit = circuits.LinearInterneuron(units=5)
    with pytest.raises(
        RefusedInputError, match=r"settle has no argument 'duratoin' \(did you mean 'duration'"
    ):
        circuit.settle(np.ones(5), duratoin=1.0)


def test_measured_variables_are_numbers():
    with pytest.raises(SchemaError, match="rate of dataset must be an array of real numbers"):
        metrics.of_subject(xr.Dataset({"rate": RATE.astype(str)}), "rate")
