"""What the scripts share. Nothing but the standard library: they run before anything is installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
PYTHON = BIN / "python"
INSTANCE = Path(os.environ.get("XINQIAO_INSTANCE", ROOT / "instance"))
OLDEST_PYTHON = (3, 11)


def say(line: str) -> None:
    print(line, flush=True)


def stop(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
    raise SystemExit(1)


def setup() -> None:
    """Install what is missing; quick when nothing is."""
    subprocess.run([sys.executable, str(ROOT / "scripts" / "setup")], check=True)


def development_environment(**more: str) -> dict[str, str]:
    """The environment of a trial on this machine."""
    return {**os.environ, "XINQIAO_ENV": "development", "FLASK_APP": "wsgi", "PYTHONUNBUFFERED": "1", **more}


def find_node() -> tuple[Path, Path] | None:
    """(node, npm) of the machine, or of the wheel in the virtual environment."""
    for folder in (None, str(BIN)):
        node, npm = shutil.which("node", path=folder), shutil.which("npm", path=folder)
        if node and npm:
            return Path(node), Path(npm)
    return None
