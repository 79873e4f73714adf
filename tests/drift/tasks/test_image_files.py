"""Image sets as files (rows S17 and S50): whole ones are read exactly, all others are refused in
one sentence."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import os
import pickle
import struct
import tarfile
import tempfile
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drift.errors import RefusedInputError
from drift.tasks import image_files
from drift.tasks.cifar10 import ARCHIVE
from drift.tasks.image_files import Download, fetch_images, image_set, read_cifar10, read_idx

EXAMPLES = int(os.environ.get("REPDRIFT_FUZZ", "100"))
NAMES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]


def idx(array):
    return (
        bytes([0, 0, 8, array.ndim])
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.tobytes()
    )


def python_2_pickle(images, labels):
    """A batch as the published ones were written: by Python 2, whose text comes back as bytes."""

    def text(value):
        return b"U" + bytes([len(value)]) + value

    def whole(value):
        return b"J" + struct.pack("<i", value)

    dtype = (
        b"cnumpy\ndtype\n"
        + text(b"u1")
        + b"K\0K\1\x87R(K\3"
        + text(b"|")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
    )
    empty = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85" + text(b"b") + b"\x87R"
    )
    values = b"T" + struct.pack("<i", images.size) + images.tobytes()
    data = (
        empty
        + b"(K\1"
        + b"".join(map(whole, images.shape))
        + b"\x86"
        + dtype
        + b"\x89"
        + values
        + b"tb"
    )
    classes = b"](" + b"".join(map(whole, labels)) + b"e"
    return (
        b"\x80\2}("
        + text(b"batch_label")
        + text(b"training")
        + text(b"data")
        + data
        + text(b"labels")
        + classes
        + b"u."
    )


def python_3_pickle(protocol):
    return lambda images, labels: pickle.dumps(
        {b"data": images, b"labels": labels.tolist()}, protocol=protocol
    )


def records(images, labels):
    return np.column_stack([labels, images]).astype(np.uint8).tobytes()


def batches(rng, images=3):
    return {
        name: (rng.integers(0, 256, (images, 3072), np.uint8), rng.integers(0, 10, images))
        for name in NAMES
    }


def unpacked(folder, content, written=python_2_pickle, suffix=""):
    folder.mkdir(parents=True, exist_ok=True)
    for name, batch in content.items():
        (folder / f"{name}{suffix}").write_bytes(written(*batch))
    return folder


def packed(folder, content, written=python_2_pickle):
    """The archive with its batches in another order, and its checksum."""
    with tarfile.open(folder / ARCHIVE, "w:gz") as archive:
        for name in reversed(content):
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            values = written(*content[name])
            member.size = len(values)
            archive.addfile(member, io.BytesIO(values))
    return folder / ARCHIVE, hashlib.sha256((folder / ARCHIVE).read_bytes()).hexdigest()


def expected(content, part):
    names = NAMES[:5] if part == "train" else NAMES[5:]
    return [np.concatenate([content[name][place] for name in names]) for place in (0, 1)]


def refused(read, *arguments):
    """The sentence of a refusal, or None where the file is read."""
    try:
        read(*arguments)
        return None
    except RefusedInputError as refusal:
        text = str(refusal)
        assert text.endswith(".") and "\n" not in text and len(text) < 1000
        return text


class Runs:
    def __reduce__(self):
        return pytest.fail, ("code of a file was run",)


@given(
    array=arrays(
        np.uint8, st.one_of(st.tuples(st.integers(1, 9)), st.tuples(*[st.integers(1, 5)] * 3))
    ),
    compressed=st.booleans(),
    suffix=st.sampled_from(["", ".gz"]),
)
@settings(max_examples=EXAMPLES)
def test_s17_an_idx_file_reads_back_equal(array, compressed, suffix):
    with tempfile.TemporaryDirectory() as name:
        content = idx(array)
        (Path(name) / f"values{suffix}").write_bytes(
            gzip.compress(content) if compressed else content
        )
        found = read_idx(Path(name) / "values", hashlib.sha256(content).hexdigest())
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, array)


IMAGES = idx(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "magic number 0 "),
        (b"\0\0\x08\x02" + IMAGES[4:], "magic number 2050 "),
        (b"\0\0\x0d\x03" + IMAGES[4:], "magic number 3331 "),
        (b"\x89PNG" + IMAGES[4:], "magic number"),
        (IMAGES[:10], "sizes"),
        (IMAGES[:-1], "cannot hold|fewer bytes"),
        (IMAGES + b"\0", "more bytes"),
        (IMAGES[:4] + bytes(4) + IMAGES[8:], "sizes"),
        (IMAGES[:4] + b"\xff" * 4 + IMAGES[8:], "cannot hold"),
        (IMAGES[:4] + b"\xff" * 12 + IMAGES[16:], "cannot hold"),
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_s17_a_damaged_idx_file_is_refused(content, message, compressed, tmp_path):
    file = tmp_path / "values"
    file.write_bytes(gzip.compress(content) if compressed else content)
    with pytest.raises(RefusedInputError, match=message):
        read_idx(file)


def test_s17_other_idx_files_are_refused(tmp_path):
    with pytest.raises(RefusedInputError, match="got none"):
        read_idx(tmp_path / "values")
    (tmp_path / "values").write_bytes(IMAGES)
    with pytest.raises(
        RefusedInputError, match=f"sha256 0000.*, got {hashlib.sha256(IMAGES).hexdigest()}"
    ):
        read_idx(tmp_path / "values", "0" * 64)
    (tmp_path / "cut.gz").write_bytes(gzip.compress(IMAGES)[:-12])
    with pytest.raises(RefusedInputError, match="got "):
        read_idx(tmp_path / "cut")


def test_a_header_takes_no_memory_that_the_file_does_not_fill(tmp_path):
    head = b"\0\0\x08\x03" + struct.pack(">3I", 2**20, 28, 28)
    (tmp_path / "plain").write_bytes(head)
    (tmp_path / "packed").write_bytes(gzip.compress(head + bytes(10**6)))
    tracemalloc.start()
    assert refused(read_idx, tmp_path / "plain") and refused(read_idx, tmp_path / "packed")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**22


def idx_set(folder, rng, monkeypatch, train=30, test=20):
    """A small set with the names of MNIST, whose checksums count as those of Fashion-MNIST."""
    content = {}
    for part, images in {"train": train, "t10k": test}.items():
        content[f"{part}-images-idx3-ubyte"] = rng.integers(0, 256, (images, 28, 28), np.uint8)
        content[f"{part}-labels-idx1-ubyte"] = rng.integers(0, 10, images, np.uint8)
    for name, array in content.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
        monkeypatch.setitem(
            image_files.SHA256["fashion_mnist"], name, hashlib.sha256(idx(array)).hexdigest()
        )
    return content


def test_an_image_set_is_that_of_its_name(tmp_path, rng, monkeypatch):
    content = idx_set(tmp_path, rng, monkeypatch)
    images, labels = image_set("fashion_mnist", tmp_path, "test")
    np.testing.assert_array_equal(images[:, 0], content["t10k-images-idx3-ubyte"])
    np.testing.assert_array_equal(labels, content["t10k-labels-idx1-ubyte"])
    with pytest.raises(RefusedInputError, match="expected to hold sha256 ba89"):
        image_set("mnist", tmp_path)
    for name, part in (("kmnist", "train"), ("mnist", "validation"), ("cifar10", "validation")):
        with pytest.raises(RefusedInputError, match="unknown"):
            image_set(name, tmp_path, part)


def test_labels_that_do_not_fit_their_images_are_refused(tmp_path, rng, monkeypatch):
    idx_set(tmp_path, rng, monkeypatch)
    for labels in (
        np.zeros(29, np.uint8),
        np.full(30, 10, np.uint8),
        np.zeros((30, 1, 1), np.uint8),
    ):
        (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(labels))
        digest = hashlib.sha256(idx(labels)).hexdigest()
        monkeypatch.setitem(image_files.SHA256["fashion_mnist"], "train-labels-idx1-ubyte", digest)
        with pytest.raises(RefusedInputError, match="a class of each"):
            image_set("fashion_mnist", tmp_path)


@pytest.mark.parametrize("part", ["train", "test"])
def test_s17_s50_all_forms_of_cifar10_read_alike(part, tmp_path, rng):
    content = batches(rng)
    archive, sha256 = packed(tmp_path, content)
    around = unpacked(tmp_path / "b" / "cifar-10-batches-py", content, python_3_pickle(3)).parent
    found = [
        read_cifar10(archive, part, sha256),
        read_cifar10(tmp_path, part, sha256),
        read_cifar10(unpacked(tmp_path / "a", content), part),
        read_cifar10(str(around), part),
        read_cifar10(unpacked(tmp_path / "c", content, python_3_pickle(4)), part),
        read_cifar10(unpacked(tmp_path / "d", content, records, ".bin"), part),
    ]
    for images, labels in found:
        assert images.dtype == np.uint8 and images.shape == ((15 if part == "train" else 3), 3072)
        for one, other in zip((images, labels), expected(content, part)):
            np.testing.assert_array_equal(one, other)


def test_s50_channels_come_one_after_the_other(tmp_path):
    image = np.repeat(np.array([10, 20, 30], np.uint8), 1024)[np.newaxis]
    unpacked(tmp_path, {name: (image, np.array([7])) for name in NAMES})
    images, labels = image_set("cifar10", tmp_path, "test")
    assert images.shape == (1, 3, 32, 32) and labels.tolist() == [7]
    np.testing.assert_array_equal(
        images[0], np.broadcast_to(np.array([10, 20, 30])[:, np.newaxis, np.newaxis], (3, 32, 32))
    )


def test_s17_an_archive_is_verified_before_it_is_opened(tmp_path, rng):
    archive, sha256 = packed(tmp_path, batches(rng), lambda *_: pickle.dumps(Runs()))
    with pytest.raises(RefusedInputError, match="expected with sha256 6d95"):
        read_cifar10(archive)
    with pytest.raises(RefusedInputError, match="which no image needs"):
        read_cifar10(archive, sha256=sha256)
    with pytest.raises(RefusedInputError, match="which no image needs"):
        read_cifar10(unpacked(tmp_path / "a", batches(rng), lambda *_: pickle.dumps(Runs())))


def test_missing_parts_of_cifar10_are_refused(tmp_path, rng):
    content = batches(rng)
    with pytest.raises(RefusedInputError, match="neither cifar-10-python"):
        read_cifar10(tmp_path / "absent")
    archive, sha256 = packed(tmp_path, {name: content[name] for name in NAMES[1:]})
    with pytest.raises(RefusedInputError, match="data_batch_1"):
        read_cifar10(archive, sha256=sha256)
    np.testing.assert_array_equal(
        read_cifar10(archive, "test", sha256)[0], content["test_batch"][0]
    )
    archive.write_bytes(b"text")
    with pytest.raises(RefusedInputError, match="archive, got"):
        read_cifar10(archive, sha256=hashlib.sha256(b"text").hexdigest())


ONE = np.zeros((2, 3072), np.uint8), np.array([1, 2])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        pickle.dumps([]),
        pickle.dumps({b"data": ONE[0]}, 3),
        pickle.dumps({b"data": ONE[0], b"labels": [1]}, 3),
        pickle.dumps({b"data": ONE[0], b"labels": [1, 10]}, 3),
        pickle.dumps({b"data": ONE[0], b"labels": [1, -1]}, 3),
        pickle.dumps({b"data": ONE[0], b"labels": [1, "2"]}, 3),
        pickle.dumps({b"data": ONE[0], b"labels": (1, 2)}, 3),
        pickle.dumps({b"data": ONE[0].tolist(), b"labels": [1, 2]}, 3),
        pickle.dumps({b"data": ONE[0][:, :-1], b"labels": [1, 2]}, 3),
        pickle.dumps({b"data": ONE[0].astype(np.float32), b"labels": [1, 2]}, 3),
        pickle.dumps({b"data": ONE[0].reshape(3072, 2), b"labels": [1, 2]}, 3),
        pickle.dumps({b"data": np.asfortranarray(ONE[0]), b"labels": [1, 2]}, 3),
        pickle.dumps({b"data": ONE[0].astype(np.int8), b"labels": [1, 2]}, 3),
        pickle.dumps({b"data": ONE[0].astype(object), b"labels": [1, 2]}, 3),
        pickle.dumps({b"data": ONE[0][:0], b"labels": []}, 3),
        python_2_pickle(*ONE)[:-1],
        python_2_pickle(*ONE)[:3000],
        records(*ONE),
    ],
)
def test_s17_other_pickles_are_refused(content, tmp_path):
    (tmp_path / "test_batch").write_bytes(content)
    assert "batch of CIFAR10 images" in refused(read_cifar10, tmp_path, "test")


@pytest.mark.parametrize(
    "content", [b"", records(*ONE)[:-1], records(ONE[0], np.array([1, 10])), python_2_pickle(*ONE)]
)
def test_s17_other_records_are_refused(content, tmp_path):
    (tmp_path / "test_batch.bin").write_bytes(content)
    assert "records of a class" in refused(read_cifar10, tmp_path, "test")


@pytest.mark.parametrize(
    "claim",
    [
        b"Nr\xff\xff\xff\x3f",  # one of 2**30 remembered values
        b"\x96" + struct.pack("<Q", 2**31),  # a bytearray
        b"\x8e" + struct.pack("<Q", 2**31),  # bytes
        b"B" + struct.pack("<I", 2**31 - 1),
        b"\x8b" + struct.pack("<i", 2**31 - 1),  # a whole number
        b"\x95" + struct.pack("<Q", 2**31),  # a frame
        b"cnumpy\nndarray\n(J\0\0\0\x40tR",  # an array of 2**30 numbers
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n(J\0\0\0\x40tC\1b\x87R",
    ],
)
def test_a_pickle_takes_no_memory_that_the_file_does_not_fill(claim, tmp_path):
    (tmp_path / "test_batch").write_bytes(b"\x80\5" + claim + b".")
    tracemalloc.start()
    assert "batch of CIFAR10 images" in refused(read_cifar10, tmp_path, "test")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**22


def spoilt(data, content):
    at = data.draw(st.integers(0, len(content) - 1))
    what = data.draw(st.sampled_from(["cut", "changed", "inserted", "pickle", "doubled"]))
    if what == "cut":
        return content[:at]
    if what == "changed":
        change = data.draw(st.binary(min_size=1, max_size=8))
        return content[:at] + change + content[at + len(change) :]
    if what == "inserted":
        return content[:at] + data.draw(st.binary(min_size=1, max_size=8)) + content[at:]
    return pickle.dumps(Runs()) if what == "pickle" else content + content


def few(images, labels):
    """A pickle in which most bytes are structure, so that most damage meets it."""
    return python_2_pickle(images[:1], labels[:1])


@given(data=st.data())
@settings(max_examples=EXAMPLES)
def test_spoilt_files_are_read_or_refused(data):
    rng = np.random.default_rng(2)
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "test_batch"
        kind = data.draw(st.sampled_from(["idx", "idx.gz", "pickle", "structure", "archive"]))
        if kind.startswith("idx"):
            file.write_bytes(spoilt(data, gzip.compress(IMAGES) if kind == "idx.gz" else IMAGES))
            refused(read_idx, file)
        elif kind == "archive":
            archive, _ = packed(Path(name), {"test_batch": batches(rng)["test_batch"]})
            archive.write_bytes(spoilt(data, archive.read_bytes()))
            refused(read_cifar10, archive, "test", hashlib.sha256(archive.read_bytes()).hexdigest())
        else:
            content = python_2_pickle(*batches(rng, 1)["test_batch"])
            pixels = content.index(b"T\0\x0c") + 5
            if kind == "structure":  # damage outside of the pixels
                head, tail = spoilt(data, content[:pixels]), content[pixels + 3072 :]
                content = (
                    head
                    + content[pixels : pixels + 3072]
                    + (spoilt(data, tail) if data.draw(st.booleans()) else tail)
                )
            else:
                content = spoilt(data, content)
            file.write_bytes(content)
            refused(read_cifar10, Path(name), "test")


SERVED = {"one.gz": b"first" * 1000, "two.gz": b"second"}


@pytest.fixture
def downloads(monkeypatch):
    """A server on this machine that stands for the public ones; returns what it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            content = SERVED.get(self.path[1:])
            self.send_response(404 if content is None else 200)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{running.server_port}/"
        sums = {
            "one.gz": "sha256:" + hashlib.sha256(SERVED["one.gz"]).hexdigest(),
            "two.gz": "md5:" + hashlib.md5(b"second").hexdigest(),
        }
        monkeypatch.setitem(
            image_files.DOWNLOADS,
            "mnist",
            tuple(Download(address + name, sums[name]) for name in sums),
        )
        other = (
            Download(address + "two.gz", "md5:" + "0" * 32),
            Download(address + "absent.gz", "md5:" + "0" * 32),
        )
        monkeypatch.setitem(image_files.DOWNLOADS, "cifar10", other[:1])
        monkeypatch.setitem(image_files.DOWNLOADS, "fashion_mnist", other[1:])
        yield asked
        running.shutdown()
        thread.join()


def test_files_are_fetched_once(downloads, tmp_path):
    for _ in range(2):
        folder = fetch_images("mnist", tmp_path / "images")
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == SERVED
        assert downloads == ["/one.gz", "/two.gz"]


@pytest.mark.parametrize(
    ("name", "message"),
    [("cifar10", "md5:0000"), ("fashion_mnist", "404"), ("svhn", "unknown: use one of mnist")],
)
def test_other_files_are_refused_and_leave_nothing(name, message, downloads, tmp_path):
    with pytest.raises(RefusedInputError, match=message):
        fetch_images(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_of_another_set_is_not_overwritten(downloads, tmp_path):
    (tmp_path / "one.gz").write_bytes(b"mine")
    with pytest.raises(RefusedInputError, match="choose another folder"):
        fetch_images("mnist", tmp_path)
    assert (tmp_path / "one.gz").read_bytes() == b"mine" and not downloads


def test_every_set_has_its_files_and_checksums():
    for name, sums in image_files.SHA256.items():
        assert [one.name for one in image_files.DOWNLOADS[name]] == [f"{file}.gz" for file in sums]
    digits = {"sha256": 64, "md5": 32}
    for one in (one for downloads in image_files.DOWNLOADS.values() for one in downloads):
        algorithm, found = one.checksum.split(":")
        assert len(found) == digits[algorithm] and one.url.startswith("https://")
