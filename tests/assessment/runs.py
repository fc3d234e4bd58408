"""What a response has become, read anew from the store."""

import sqlalchemy as sa

from server.assessment.models import Answer, Response
from server.crisis.models import Alert
from server.vault import token_hash


def response_of(session, token) -> Response:
    return session.scalars(sa.select(Response).where(Response.token_hash == token_hash(token))).one()


def kept_answers(session, token) -> dict[str, int]:
    rows = session.scalars(sa.select(Answer).where(Answer.response_id == response_of(session, token).public_id))
    return {row.item_id: row.code for row in rows}


def all_alerts(session) -> list[Alert]:
    return session.scalars(sa.select(Alert)).all()
