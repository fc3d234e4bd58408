"""scripts/run on this machine: what it says when it cannot start, and that it needs nothing but Python to say it."""

import os
import socket
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

from server.config import ROOT


def run(tmp_path: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "run")],
        cwd=tmp_path,
        env={**os.environ, "XINQIAO_INSTANCE": str(tmp_path / "instance"), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("name", ["PORT", "SANDBOX_PORT"])
def test_a_port_that_is_taken_is_one_clear_sentence(tmp_path: Path, name: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = str(other.getsockname()[1])
        done = run(
            tmp_path, **{"PORT": "1", "SANDBOX_PORT": "1", name: taken} | ({} if name == "PORT" else {"PORT": free()})
        )
    assert done.returncode == 1
    assert (
        done.stderr.strip() == f"Port {taken} is taken by another program. Set {name} to a free port and start again."
    )
    assert not (tmp_path / "instance").exists()


def free() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_a_port_that_is_no_port_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, PORT="eighty")
    assert (done.returncode, done.stderr.strip()) == (1, "PORT is 'eighty': a port is a number between 1 and 65535.")


def test_the_audit_asks_about_what_the_pinned_packages_bring_along_too() -> None:
    loader = SourceFileLoader("audit", str(ROOT / "scripts" / "audit"))
    audit = module_from_spec(spec_from_loader("audit", loader))
    loader.exec_module(audit)
    asked = [line.lower().replace("_", "-") for line in audit.installed()]
    pinned = [
        line.lower().replace("_", "-")
        for file in ("requirements.txt", "requirements-node.txt")
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines()
        if "==" in line
    ]

    assert set(pinned) <= set(asked)
    assert {"werkzeug", "jinja2", "urllib3", "pyjwt"} <= {line.partition("==")[0] for line in asked}
