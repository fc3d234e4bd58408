"""The instruments of the repository, a district, and short ways to begin, answer and fill one."""

import pytest

from server.assessment import service
from server.assessment.loader import InstrumentCatalogue, load_instruments
from server.assessment.policy import AgeBand
from server.config import ROOT
from server.organisations import service as organisations
from server.organisations.models import Level
from tests.conftest import NOW


@pytest.fixture(scope="session")
def catalogue() -> InstrumentCatalogue:
    return load_instruments(ROOT / "content" / "instruments")


@pytest.fixture
def root(session):
    return organisations.add_organisation(session, code="D", name="榕江区", level=Level.DISTRICT, parent=None)


@pytest.fixture
def start(session, catalogue, root):
    def begin(instrument_id="phq9", *, age_band=AgeBand.AGE_18_59, **changes) -> str:
        given = {"consent_version": "assessment-1", "entry_code": "", "now": NOW} | changes
        return service.start(session, catalogue, instrument_id=instrument_id, age_band=age_band, **given)

    return begin


@pytest.fixture
def save(session, catalogue):
    def answer(token, item_id, code, *, drawn_at=10**6, now=NOW):
        return service.save_answer(
            session, catalogue, token=token, item_id=item_id, code=code, drawn_at=drawn_at, now=now
        )

    return answer


@pytest.fixture
def fill(save):
    def fill(token, codes, prefix="phq9"):
        for number, code in enumerate(codes, start=1):
            save(token, f"{prefix}_{number}", code)

    return fill
