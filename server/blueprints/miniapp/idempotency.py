"""Idempotency-Key: the same request twice is done once. Where the work itself makes a repeat harmless, no key is needed."""

import re
from collections.abc import Callable

from flask import Response, jsonify, make_response, request
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from server import kept_answers
from server.blueprints.miniapp.schemas import LONGEST_KEY, SHORTEST_KEY, Header
from server.blueprints.requests import parts
from server.clock import utc_now
from server.errors import Invalid
from server.kept_answers import Answer, Asked

_KEY = re.compile(rf"[!-~]{{{SHORTEST_KEY},{LONGEST_KEY}}}")


class IdempotencyKey(Header):
    idempotency_key: str = Field(
        default="",
        description="16 to 128 ASCII characters, unforeseeable: a UUID. The same key with the same body gets the same "
        "answer for a day; with another body 409 `idempotency.key_reused`; while the first is being worked on 409 "
        "`idempotency.in_progress`.",
    )


class BadKey(Invalid):
    code = "idempotency.bad_key"


def once(client: str, header: IdempotencyKey, status: int, work: Callable[[Session], BaseModel]) -> Response:
    """Do the work in one transaction, or answer as it was answered before. `client` is who asks; empty for nobody known.

    Raises BadKey, KeyReused, InProgress.
    """

    def answered(session: Session) -> Answer:
        return Answer(status, work(session).model_dump(mode="json"))

    asked, now = asked_by(client, header), utc_now()
    if asked is None:
        return respond(parts().database.write(answered))
    return respond(
        parts().database.write(lambda session: kept_answers.answer_once(session, asked=asked, work=answered, now=now))
    )


def once_over_network(
    client: str, header: IdempotencyKey, fetch: Callable[[], str], work: Callable[[Session, str], BaseModel]
) -> Response:
    """As `once`, with a call over the network before the work, outside of any transaction."""
    asked, now = asked_by(client, header), utc_now()
    database = parts().database
    if asked is None:
        fetched = fetch()
        return respond(Answer(200, database.write(lambda session: work(session, fetched).model_dump(mode="json"))))
    standing = database.write(lambda session: kept_answers.claim(session, asked=asked, now=now))
    if standing is not None:
        return respond(standing)
    try:
        fetched = fetch()
    except Exception:
        database.write(lambda session: kept_answers.release(session, asked=asked))
        raise

    def finish(session: Session) -> Answer:
        answer = Answer(200, work(session, fetched).model_dump(mode="json"))
        kept_answers.keep(session, asked=asked, answer=answer)
        return answer

    return respond(database.write(finish))


def asked_by(client: str, header: IdempotencyKey) -> Asked | None:
    """Raises BadKey."""
    key = header.idempotency_key
    if not key:
        return None
    if not _KEY.fullmatch(key):
        raise BadKey
    return Asked(client=client, method=request.method, path=request.path, key=key, body=request.get_data(cache=True))


def respond(answer: Answer) -> Response:
    response = make_response(jsonify(answer.body), answer.status)
    if answer.is_repeat:
        response.headers["Idempotent-Replayed"] = "true"
    return response
