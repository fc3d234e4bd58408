import pytest

from server.risk.grades import Grade
from server.risk.service import RULES_FOLDER, Scanner
from tests.risk.rows import own_rows


@pytest.fixture(scope="session")
def scanner() -> Scanner:
    """The scanner with the rules that the product ships."""
    return Scanner.load(RULES_FOLDER)


@pytest.fixture(scope="session")
def ringing(scanner: Scanner) -> list[str]:
    """Our own rows that ring: the cries that no disguise may hide."""
    return [row["text"] for row in own_rows() if scanner.scan(row["text"]).grade.rings]


@pytest.fixture(scope="session")
def cries(scanner: Scanner, ringing: list[str]) -> list[str]:
    return [text for text in ringing if scanner.scan(text).grade is Grade.HIGH]


@pytest.fixture(scope="session")
def harmless() -> list[str]:
    return [row["text"] for row in own_rows() if row.get("most") == Grade.NONE]
