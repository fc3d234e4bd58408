"""A typed JavaScript client is made from the document and type-checked against code that uses it. Nothing made is kept."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from server.blueprints.miniapp.document import document
from server.config import ROOT

PACKAGES = ROOT / "node_modules"
NODE = shutil.which("node", path=None) or shutil.which("node", path=str(ROOT / ".venv" / "bin"))
USAGE = Path(__file__).parent / "client" / "usage.ts"

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(
        NODE is None or not (PACKAGES / "openapi-typescript").is_dir(), reason="needs Node.js and the npm packages"
    ),
]


def run(folder: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(NODE), str(PACKAGES / script), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def test_the_client_that_is_made_from_the_document_fits_code_that_uses_it(app, tmp_path):
    (tmp_path / "openapi.json").write_text(json.dumps(document(app)), encoding="utf-8")
    (tmp_path / "node_modules").symlink_to(PACKAGES)
    shutil.copy(USAGE, tmp_path)
    made = run(tmp_path, "openapi-typescript/bin/cli.js", "openapi.json", "--output", "schema.d.ts")
    assert made.returncode == 0, made.stdout + made.stderr
    strict = ["--noEmit", "--strict", "--skipLibCheck", "false", "--noUncheckedIndexedAccess"]
    modern = ["--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler", "--lib", "es2022,dom"]
    checked = run(tmp_path, "typescript/bin/tsc", *strict, *modern, "usage.ts")

    assert checked.returncode == 0, checked.stdout
    assert "export interface paths" in (tmp_path / "schema.d.ts").read_text(encoding="utf-8")
