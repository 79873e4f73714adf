"""Downloads come from a server on this machine: whole, altered, cut off, or not needed at all."""

from __future__ import annotations

import hashlib
import http.server
import re
import threading
import time

import pytest

import data_adapters
from data_adapters.files.download import COLUMNS, public_files
from drift.errors import RefusedInputError
from drift.files import downloads

FILES = {"one file.mat": b"first" * 1000, "two.csv": b"a,b\n1,2\n"}


class Handler(http.server.SimpleHTTPRequestHandler):
    asked: list[str]
    cut: set[str]

    def do_GET(self):
        name = self.path.rsplit("/", 1)[-1].replace("%20", " ")
        type(self).asked.append(name)
        self.send_response(200)
        self.send_header("Content-Length", str(len(FILES[name])))
        self.end_headers()
        self.wfile.write(FILES[name][: 3 if name in self.cut else None])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    class Own(Handler):
        pass

    Own.asked, Own.cut = [], set()

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Own) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield Own, f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def own_folders(monkeypatch, tmp_path):
    monkeypatch.delenv("REPDRIFT_DATA", raising=False)
    monkeypatch.setenv("REPDRIFT_CACHE", str(tmp_path / "cache"))


def table(folder, address, **changes):
    rows = [
        [
            "made",
            f"{address}/x/{name.replace(' ', '%20')}",
            str(len(content)),
            hashlib.sha256(content).hexdigest(),
            "MIT",
        ]
        for name, content in FILES.items()
    ]
    for column, value in changes.items():
        rows[1][COLUMNS.index(column)] = value
    path = folder / "table.csv"
    path.write_text("\n".join(",".join(row) for row in [COLUMNS, *rows]) + "\n")
    return path


def fetch(path, **options):
    return data_adapters.fetch("made", table=path, progress=False, **options)


def test_whole_files_once(server, tmp_path, capsys):
    handler, address = server
    folder = fetch(table(tmp_path, address))
    assert folder == tmp_path / "cache" / "made"
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == FILES
    assert "licence: MIT" in capsys.readouterr().out and handler.asked == list(FILES)
    assert fetch(table(tmp_path, address)) == folder and handler.asked == list(FILES)
    assert fetch(table(tmp_path, address), cache=tmp_path / "other") == tmp_path / "other" / "made"


def test_progress_bar(server, tmp_path, capfd):
    data_adapters.fetch("made", table=table(tmp_path, server[1]))
    assert "100%" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"sha256": "0" * 64}, "sha256 0000"), ({"bytes": "9"}, "9 bytes, got 8")],
)
def test_another_file_is_refused_and_leaves_nothing(server, changes, message, tmp_path):
    with pytest.raises(RefusedInputError, match=message):
        fetch(table(tmp_path, server[1], **changes))
    assert [file.name for file in (tmp_path / "cache" / "made").iterdir()] == ["one file.mat"]


def test_interrupted_download_goes_on_where_it_was(server, tmp_path):
    handler, address = server
    handler.cut.add("two.csv")
    with pytest.raises(RefusedInputError, match=r"two\.csv"):
        fetch(table(tmp_path, address))
    assert [file.name for file in (tmp_path / "cache" / "made").iterdir()] == ["one file.mat"]
    handler.cut.clear()
    handler.asked.clear()
    fetch(table(tmp_path, address))
    assert handler.asked == ["two.csv"]


def test_a_server_that_gives_more_is_stopped(server, tmp_path, monkeypatch):
    monkeypatch.setitem(FILES, "two.csv", b"x" * 10**7)
    with pytest.raises(RefusedInputError, match="8 bytes, got more"):
        fetch(table(tmp_path, server[1], bytes="8"))
    assert [file.name for file in (tmp_path / "cache" / "made").iterdir()] == ["one file.mat"]


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_server_that_drips_is_given_up(part, tmp_path, monkeypatch):
    ended = threading.Event()

    class Dripping(http.server.BaseHTTPRequestHandler):
        def handle(self):
            self.rfile.readline()
            whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"
            self.wfile.write(whole if part == "body" else b"")
            while not ended.wait(0.05):
                try:
                    self.wfile.write(b"x")
                except OSError:
                    return

        def log_message(self, *_):
            pass

    monkeypatch.setattr(downloads, "PATIENCE", 1.0)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Dripping) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        begun = time.monotonic()
        with pytest.raises(RefusedInputError, match="has not given all of a file in 1 s"):
            fetch(table(tmp_path, f"http://127.0.0.1:{running.server_port}"))
        assert time.monotonic() - begun < 10
        ended.set()
        running.shutdown()
        thread.join()
    assert not list((tmp_path / "cache" / "made").iterdir())


def test_a_cache_that_cannot_be_made_is_refused(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(RefusedInputError, match="cannot be"):
        fetch(table(tmp_path, server[1]), cache=tmp_path / "file")


def test_no_server(tmp_path):
    with pytest.raises(RefusedInputError, match="try again") as refusal:
        fetch(table(tmp_path, "http://127.0.0.1:9"))
    assert "\n" not in str(refusal.value)


def test_altered_file_in_the_cache_is_not_replaced(server, tmp_path):
    folder = fetch(table(tmp_path, server[1]))
    (folder / "two.csv").write_bytes(b"a,b\n1,9\n")
    with pytest.raises(RefusedInputError, match=r"two\.csv was expected with sha256"):
        fetch(table(tmp_path, server[1]))


def test_offline_from_a_folder_that_holds_the_files(tmp_path, monkeypatch):
    monkeypatch.setenv("REPDRIFT_DATA", str(tmp_path / "data"))
    (tmp_path / "data" / "made").mkdir(parents=True)
    for name, content in FILES.items():
        (tmp_path / "data" / "made" / name).write_bytes(content)
    assert fetch(table(tmp_path, "http://127.0.0.1:9")) == tmp_path / "data" / "made"
    (tmp_path / "data" / "made" / "two.csv").write_bytes(b"")
    with pytest.raises(RefusedInputError, match="8 bytes, got 0"):
        fetch(table(tmp_path, "http://127.0.0.1:9"))


@pytest.mark.parametrize("name", ["zivlab_sample", "zivlab_simulated"])
def test_offline_from_the_data_beside_the_project(name, data_folder, monkeypatch):
    folder = data_folder(name)
    monkeypatch.setenv("REPDRIFT_DATA", str(folder.parent))
    assert data_adapters.fetch(name) == folder


def test_every_row_is_pinned():
    rows = public_files()
    assert len(rows) == 118 and len({(row.dataset, row.name) for row in rows}) == 118
    for row in rows:
        assert re.fullmatch(
            r"https://raw\.githubusercontent\.com/[\w.-]+/[\w.-]+/[0-9a-f]{40}/\S+", row.url
        )
        assert re.fullmatch("[0-9a-f]{64}", row.sha256) and row.size > 0 and row.licence


def test_unknown_name_and_wrong_tables(tmp_path):
    with pytest.raises(RefusedInputError, match="use zivlab_sample"):
        data_adapters.fetch("zivlab_samples")
    with pytest.raises(RefusedInputError, match="check the path"):
        fetch(tmp_path / "absent.csv")
    for changes in (
        {"bytes": "-1"},
        {"sha256": "abc"},
        {"url": "http://x/.."},
        {"dataset": "../up"},
    ):
        with pytest.raises(RefusedInputError, match="line 3 of"):
            fetch(table(tmp_path, "http://127.0.0.1:9", **changes))
    (tmp_path / "table.csv").write_text("a,b\n")
    with pytest.raises(RefusedInputError, match="begin with dataset"):
        fetch(tmp_path / "table.csv")
