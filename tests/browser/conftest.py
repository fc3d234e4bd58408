"""A real browser against the whole stack, started as a newcomer starts it: scripts/run with free ports and a new folder."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from server.config import ROOT

PHONE = {"width": 375, "height": 667}
DESK = {"width": 1280, "height": 800}
SHOTS = ROOT / "test-artifacts" / "screenshots"


@dataclass(frozen=True)
class Stack:
    """What scripts/run started, and where."""

    web: str
    sandbox: str
    instance: Path
    logins: dict[str, str]
    process: "subprocess.Popen[str]"

    @property
    def posters(self) -> list[Path]:
        return sorted((self.instance / "posters").glob("*.png"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_stack(instance: Path, port: int, sandbox_port: int) -> Stack:
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "scripts" / "run")],
        cwd=ROOT,
        env={
            **os.environ,
            "PORT": str(port),
            "SANDBOX_PORT": str(sandbox_port),
            "XINQIAO_INSTANCE": str(instance),
            "DATABASE_URL": "",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "demo log-ins" in line:
            break
    else:
        pytest.fail("scripts/run ended early:\n" + "".join(said))
    logins = json.loads((instance / "demo-logins.json").read_text(encoding="utf-8"))
    return Stack(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{sandbox_port}", instance, logins, process)


def end_stack(stack: Stack) -> None:
    stack.process.send_signal(signal.SIGINT)
    assert stack.process.stdout is not None
    with stack.process.stdout:
        stack.process.communicate(timeout=30)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    started = start_stack(tmp_path_factory.mktemp("trial") / "instance", free_port(), free_port())
    yield started
    end_stack(started)


class Faults(list[str]):
    """What the console of the browser complained about; a test ends with none."""


@pytest.fixture
def faults() -> Faults:
    return Faults()


def watch(page: Page, faults: Faults) -> Page:
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    page.on(
        "console",
        lambda message: (
            faults.append(f"{page.url}: {message.text}") if "Content Security Policy" in message.text else None
        ),
    )
    return page


@pytest.fixture
def phone(browser: Browser, faults: Faults) -> Iterator[Page]:
    """A resident's phone: 375 px wide, without anything kept from before."""
    context = browser.new_context(viewport=PHONE, locale="zh-CN", has_touch=True)
    yield watch(context.new_page(), faults)
    context.close()
    assert not faults


@pytest.fixture
def desk(browser: Browser, faults: Faults) -> Iterator[Page]:
    context = browser.new_context(viewport=DESK, locale="zh-CN")
    yield watch(context.new_page(), faults)
    context.close()
    assert not faults


def shoot(page: Page, name: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def sign_in(page: Page, stack: Stack, name: str) -> None:
    page.goto(f"{stack.web}/console/sign-in")
    page.fill("input[name=login_name]", name)
    page.fill("input[name=password]", stack.logins[name])
    page.click("button.primary")
    page.wait_for_url("**/console/")
    page.goto(f"{stack.web}/console/duty")


def settle() -> None:
    """Options take no tap in their first 400 ms, so that a double tap does not answer the next question."""
    time.sleep(0.45)
