"""In a real JupyterLab, in a real browser, the slider of the first notebook changes the picture."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkout import EXAMPLES

jupytext = pytest.importorskip("jupytext", reason="JupyterLab needs the extra notebook")
pytest.importorskip("jupyterlab", reason="JupyterLab needs the extra notebook")
playwright = pytest.importorskip("playwright.sync_api", reason="the browser needs playwright")
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
NOTEBOOK = EXAMPLES / "notebooks" / "1_drift_in_a_corridor.py"
MINUTE = 60_000  # ms
SETTINGS = {  # every cell stays in the page, whether it is in sight or not
    "notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
    "apputils-extension/notification.jupyterlab-settings": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
}


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where JupyterLab finds the notebook, and nothing else of the user's."""
    for name, settings in SETTINGS.items():
        path = tmp_path / "settings" / "@jupyterlab" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
    (tmp_path / "root").mkdir()
    jupytext.write(jupytext.read(NOTEBOOK), tmp_path / "root" / "notebook.ipynb")
    return tmp_path


@contextmanager
def laboratory(folder: Path) -> Iterator[str]:
    """Start JupyterLab on the loopback interface and end it, kernels included, whatever happens."""
    port = free_port()
    own = {
        f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")
    }
    own |= {
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
    }
    own |= {
        "IPYTHONDIR": str(folder / "ipython"),
        "OMP_NUM_THREADS": "1",
        "PYTHONWARNINGS": "default",
    }
    options = [
        "ip=127.0.0.1",
        f"port={port}",
        "port_retries=0",
        "token=",
        "password=",
        "allow_root=True",
        "disable_check_xsrf=True",
    ]
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        f"--ServerApp.root_dir={folder / 'root'}",
    ]
    command += [
        f"--ServerApp.{option}"
        for option in options
        if not option.startswith(("token", "password"))
    ]
    command += ["--IdentityProvider.token=", "--PasswordIdentityProvider.hashed_password="]
    with (folder / "server.txt").open("w") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, **own}, start_new_session=True
        )
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", server, folder / "server.txt")
        yield f"http://127.0.0.1:{port}"
    finally:
        end(server, f"http://127.0.0.1:{port}")


def wait_until_ready(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/api/status", timeout=5):
                return
        except OSError:
            time.sleep(0.3)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


def end(server: subprocess.Popen[bytes], address: str) -> None:
    """Ask the server to stop, which ends its kernels; insist if it does not."""
    if server.poll() is not None:
        return
    try:
        urllib.request.urlopen(
            urllib.request.Request(f"{address}/api/shutdown", method="POST"), timeout=10
        ).close()
        server.wait(30)
    except (OSError, subprocess.TimeoutExpired):
        for sign in (signal.SIGTERM, signal.SIGKILL):
            os.killpg(server.pid, sign)
            try:
                server.wait(15)
                break
            except subprocess.TimeoutExpired:
                continue


@contextmanager
def browser_page(folder: Path) -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        try:
            page = browser.new_page(viewport={"width": 1200, "height": 1000})
            page.set_default_timeout(2 * MINUTE)
            yield page
        except Exception:
            page.screenshot(
                path=str(folder / "jupyterlab.png")
            )  # what the reader of a failure wants to see
            raise
        finally:
            browser.close()


def pixels(picture: bytes) -> np.ndarray:
    from matplotlib.image import imread

    return imread(io.BytesIO(picture), format="png")[..., :3]


def shown(page: Any, image: Any) -> np.ndarray:
    """The picture as the browser draws it, once it has been loaded."""
    image.scroll_into_view_if_needed()
    page.wait_for_function(
        "image => image.complete && image.naturalWidth > 0", arg=image.element_handle()
    )
    return pixels(image.screenshot())


def run_all_cells(page: Any, address: str) -> None:
    page.goto(f"{address}/lab/tree/notebook.ipynb")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_function("() => !document.querySelector('#jupyterlab-splash')")
    page.wait_for_selector(
        ".jp-StatusBar-TextItem:has-text('| Idle')"
    )  # the page has found its kernel
    asked = page.locator(".jp-Dialog", has_text="Select Kernel")
    page.add_locator_handler(asked, lambda: page.click(".jp-Dialog button.jp-mod-accept"))
    page.click("li.lm-MenuBar-item:has-text('Run')")
    page.click("li.lm-Menu-item[data-command='runmenu:run-all']")
    finished = """() => {
        const prompts = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')].map(one => one.textContent);
        return prompts.length > 5 && prompts.every(one => /\\[\\d+\\]/.test(one));
    }"""
    page.wait_for_function(finished, timeout=4 * MINUTE)


def test_the_slider_moves_the_picture(folder: Path):
    with laboratory(folder) as address, browser_page(folder) as page:
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        run_all_cells(page, address)
        assert (
            page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']").count()
            == 0
        )
        cell = page.locator(
            ".jp-CodeCell", has=page.locator(".jp-OutputArea img.widget-image")
        ).first
        image, handle = cell.locator("img.widget-image"), cell.locator(".noUi-handle").first
        first, source = shown(page, image), image.get_attribute("src")
        label = cell.locator(".widget-readout").first.inner_text()

        handle.focus()
        for _ in range(8):
            handle.press("ArrowLeft")
        page.wait_for_function(
            "([image, before]) => image.src !== before", arg=[image.element_handle(), source]
        )
        page.wait_for_function(
            "([one, before]) => one.textContent !== before",
            arg=[cell.locator(".widget-readout").first.element_handle(), label],
        )
        page.wait_for_timeout(3_000)  # the kernel may still answer to earlier presses of the key
        second = shown(page, image)
        page.screenshot(path=str(folder / "jupyterlab.png"))

        assert cell.locator(".widget-readout").first.inner_text() == "12 (12,000 steps)"
        assert first.shape == second.shape and first.std() > 0.05
        changed = (np.abs(first - second).max(axis=-1) > 0.1).mean()
        assert changed > 0.05, f"only {changed:.1%} of the pixels changed"
        assert not complaints, complaints
