"""Is a MariaDB there? Else start one for the tests. Used by .ci/run."""

import subprocess
import sys
import time
from pathlib import Path

import pymysql
import sqlalchemy as sa


def answers(url: str) -> bool:
    parts = sa.make_url(url)
    try:
        pymysql.connect(
            host=parts.host or "127.0.0.1", port=parts.port or 3306, user=parts.username, password=parts.password or ""
        ).close()
    except pymysql.err.OperationalError:
        return False
    return True


def start(url: str) -> bool:
    """A server on the address's port with a root that needs no password, in a folder of its own."""
    folder = Path("test-artifacts") / "mariadb"
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    own = ["--no-defaults", f"--datadir={folder}", "--user=root"]
    install = ["mariadb-install-db", *own, "--auth-root-authentication-method=normal"]
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
    port = sa.make_url(url).port or 3306
    serve = ["mariadbd", *own, f"--port={port}", f"--socket={folder / 'sock'}", "--bind-address=127.0.0.1"]
    subprocess.Popen(serve, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    for _ in range(60):
        if answers(url):
            return True
        time.sleep(0.5)
    return False


if __name__ == "__main__":
    raise SystemExit(0 if {"answers": answers, "start": start}[sys.argv[1]](sys.argv[2]) else 1)
