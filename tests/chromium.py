"""The one browser of a test run. Playwright's plain interface allows a single running instance a process."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

PATH = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if PATH is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium, or CHROMIUM names one)")
    with sync_playwright() as running:
        started = running.chromium.launch(executable_path=PATH, args=ARGUMENTS)
        yield started
        started.close()
