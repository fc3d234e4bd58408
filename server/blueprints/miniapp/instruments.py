"""Self-assessments that can be begun: what each is, for whom, and what is agreed to."""

from apiflask import APIBlueprint
from flask import Response

from server.assessment.definition import Instrument
from server.assessment.policy import AgeBand
from server.assessment.service import UnknownInstrument
from server.blueprints.miniapp.caching import public
from server.blueprints.miniapp.marks import public_content
from server.blueprints.miniapp.schemas import InstrumentDetailOut, InstrumentOut, InstrumentsOut
from server.blueprints.requests import parts

bp = APIBlueprint("instruments", __name__, tag="Self-assessment", url_prefix="/instruments")
SUMMARY = {"id": "phq9", "version": "1.0.0", "name": "-", "for_whom": "-", "minutes": 3, "item_count": 9}
DETAIL = SUMMARY | {
    "instruction": "-",
    "recall": "-",
    "credit_line": "-",
    "age_bands": list(AgeBand),
    "consent_version": "assessment-1",
    "consent_html": "<p>-</p>",
}


@bp.get("")
@bp.output(InstrumentsOut, example={"instruments": [SUMMARY]})
@public_content
def list_instruments() -> Response:
    """Self-assessments that can be begun"""
    return public(InstrumentsOut(instruments=[InstrumentOut(**_summary(one)) for one in parts().startable()]))


@bp.get("/<instrument_id>")
@bp.output(InstrumentDetailOut, example=DETAIL)
@public_content
def show_instrument(instrument_id: str) -> Response:
    """What it is, and the text to agree to"""
    instrument = parts().catalogue.get(instrument_id)
    if instrument is None:
        raise UnknownInstrument(instrument=instrument_id)
    return public(
        InstrumentDetailOut(
            **_summary(instrument),
            instruction=instrument.instruction.zh,
            recall=instrument.recall.zh,
            credit_line=instrument.licence.credit_line,
            age_bands=list(AgeBand),
            consent_version=parts().consent.version,
            consent_html=parts().consent.html,
        )
    )


def _summary(instrument: Instrument) -> dict[str, str | int]:
    return {
        "id": instrument.id,
        "version": instrument.version,
        "name": instrument.name.short,
        "for_whom": instrument.for_whom.zh,
        "minutes": instrument.duration_min,
        "item_count": len(instrument.scored_items),
    }
