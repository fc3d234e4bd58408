"""Messages of our own invention with the grade that they deserve: `least`, `most` or exactly `grade`, and `report`."""

import json
from functools import cache
from pathlib import Path
from typing import Any


@cache
def own_rows() -> list[dict[str, Any]]:
    lines = Path(__file__).with_name("own_examples.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]
