"""Values that tests type as people would, and that must never stand in a log: words, openids, numbers, passwords."""

from pathlib import Path

OPENID = "oCANARYopenid0000000000000xx"
WORDS = "金丝雀说今天很难过"
PHONE = "13812345678"
PASSWORD = "canary-password-4711"
NAME = "金丝雀老师"
FACTOR = "CANARYFACTORSECRETCANARYFACTOR22"
_OTHERS = ("access_token=", "不想活", "想死")


def search(folder: Path) -> list[str]:
    """Lines of the log in which a canary stands."""
    wanted = (OPENID, WORDS, PHONE, PASSWORD, NAME, FACTOR, *_OTHERS)
    found = []
    for file in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            found += [f"{file.name}:{number}: {canary}" for canary in wanted if canary in line]
    return found
