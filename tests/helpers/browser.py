"""Pages opened in a real browser without a window; skipped, with the reason, where none is."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

FLAGS = (
    "--no-sandbox",
    "--no-first-run",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
)
"""Chromium as root, without a screen or a graphics card, and without looking for updates."""

PATIENCE = 120_000
"""Milliseconds for a page to open on a machine that draws in software and is busy."""


def chromium() -> str:
    """The binary; the test is skipped where there is none."""
    pytest.importorskip("playwright", reason="needs playwright: pip install playwright")
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    for name in names:
        found = shutil.which(name) if name else None
        if found:
            return found
    pytest.skip("needs Chromium: apt-get install chromium, or set CHROMIUM to a binary")


@contextmanager
def browser() -> Iterator[Any]:
    """A browser without a window."""
    binary = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=binary, args=list(FLAGS))
        yield running
        running.close()


@contextmanager
def opened(running: Any, path: Path, width: int = 1000, height: int = 800) -> Iterator[Any]:
    """The page of a file, ready; it may ask for nothing and complain of nothing."""
    page = running.new_page(viewport={"width": width, "height": height})
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda message: wrong.append(message.text) if message.type == "error" else None
    )
    page.goto(path.resolve().as_uri(), timeout=PATIENCE)
    page.wait_for_selector("body[data-ready]", timeout=PATIENCE)
    yield page
    assert not wrong
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [
        path.resolve().as_uri()
    ]
    page.close()


def pixels(page: Any, selector: str) -> NDArray[np.float64]:
    """(height, width, 3) what is drawn in an element, 0 … 255, once it is drawn."""
    from PIL import Image

    page.wait_for_timeout(300)
    picture = page.locator(selector).screenshot(timeout=PATIENCE)
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"), dtype=np.float64)
