"""Every way to falsify the trail is found; what the database alone cannot show, a copied head does."""

from datetime import timedelta
from functools import partial

import pytest
import sqlalchemy as sa

from server.audit.models import AuditEvent, AuditHead
from server.db import Database
from tests.audit.trail import act, acts, change, fault, head, tamper
from tests.conftest import NOW

# --- falsifying ---------------------------------------------------------------------------------------------------

FALSIFIED = {
    "at": NOW + timedelta(days=1),
    "actor_kind": "system",
    "actor_id": "somebody-else",
    "action": "nothing.done",
    "object_kind": "letter",
    "object_id": "alert-9",
    "reason": "because",
    "previous": b"p" * 32,
    "digest": b"d" * 32,
}


def test_every_column_is_falsified_below() -> None:
    assert {*FALSIFIED, "seq"} == {column.name for column in AuditEvent.__table__.columns}


@pytest.mark.parametrize("column", FALSIFIED)
@pytest.mark.parametrize("seq", [1, 2, 3])
def test_a_change_to_any_column_of_any_row_is_found(database: Database, column: str, seq: int) -> None:
    acts(database, 3)
    tamper(database, change(seq, **{column: FALSIFIED[column]}))

    assert fault(database) == f"changed_{seq}"


@pytest.mark.parametrize("seq", [1, 2])
def test_a_row_that_was_taken_out_is_missed(database: Database, seq: int) -> None:
    acts(database, 3)
    tamper(database, sa.delete(AuditEvent).where(AuditEvent.seq == seq))

    assert fault(database) == f"missing_{seq}"


def test_a_row_that_was_taken_out_is_missed_though_the_others_moved_up(database: Database) -> None:
    acts(database, 3)
    tamper(database, sa.delete(AuditEvent).where(AuditEvent.seq == 2), change(3, seq=2))

    assert fault(database) == "changed_2"


def test_two_rows_that_changed_places_are_found(database: Database) -> None:
    acts(database, 4)
    tamper(database, change(2, seq=99), change(3, seq=2), change(99, seq=3))

    assert fault(database) == "changed_2"


def test_a_row_that_was_put_in_between_is_found(database: Database) -> None:
    acts(database, 3)
    tamper(database, change(3, seq=4), sa.insert(AuditEvent).values(seq=3, **FALSIFIED))

    assert fault(database) == "changed_3"


def test_a_row_that_was_put_at_the_end_is_found(database: Database) -> None:
    acts(database, 2)
    tamper(database, sa.insert(AuditEvent).values(seq=3, **FALSIFIED | {"previous": bytes.fromhex(head(database)[1])}))

    assert fault(database) == "changed_3"


def test_a_row_that_was_copied_to_the_end_with_the_head_is_found(database: Database) -> None:
    acts(database, 2)
    row = database.read(lambda session: session.get_one(AuditEvent, 2))
    values = {column.name: getattr(row, column.name) for column in AuditEvent.__table__.columns}
    tamper(
        database,
        sa.insert(AuditEvent).values(values | {"seq": 3, "previous": row.digest}),
        sa.update(AuditHead).values(seq=3),
    )

    assert fault(database) == "changed_3"


def test_a_tail_that_was_cut_off_is_found(database: Database) -> None:
    acts(database, 5)
    tamper(database, sa.delete(AuditEvent).where(AuditEvent.seq > 3))

    assert fault(database) == "truncated_after_3"


def test_a_trail_that_was_emptied_is_found(database: Database) -> None:
    acts(database, 2)
    tamper(database, sa.delete(AuditEvent))

    assert fault(database) == "truncated_after_0"


def test_a_head_that_was_taken_away_is_found(database: Database) -> None:
    acts(database, 2)
    tamper(database, sa.delete(AuditHead))

    assert fault(database) == "head_missing"


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"seq": 1}, "truncated_after_2"),
        ({"seq": 3}, "truncated_after_2"),
        ({"digest": b"d" * 32}, "truncated_after_2"),
        ({"key_sealed": b"k" * 200}, "key_unreadable"),
    ],
)
def test_a_change_to_the_head_is_found(database: Database, values: dict[str, object], found: str) -> None:
    acts(database, 2)
    tamper(database, sa.update(AuditHead).values(**values))

    assert fault(database) == found


# --- heads that were copied elsewhere -----------------------------------------------------------------------------


def roll_back(database: Database, seq: int) -> None:
    """Cut the tail off and set the head to the row before: within the database nothing is wrong then."""
    row = database.read(lambda session: session.get_one(AuditEvent, seq))
    tamper(
        database,
        sa.delete(AuditEvent).where(AuditEvent.seq > seq),
        sa.update(AuditHead).values(seq=seq, digest=row.digest),
    )


def rewrite(database: Database) -> None:
    """What somebody can do who has the database and its keys: write the whole trail anew."""
    with database.engine.begin() as connection:
        count = connection.execute(sa.select(sa.func.count()).select_from(AuditEvent)).scalar_one()
        connection.execute(sa.delete(AuditEvent))
        connection.execute(sa.delete(AuditHead))
    for number in range(count):
        database.write(partial(act, number=number + 500))


def test_copied_heads_agree_with_an_honest_chain(database: Database) -> None:
    copies = []
    for _ in range(3):
        acts(database, 2)
        copies += [head(database), head(database)]

    assert fault(database, *copies) is None


def test_a_chain_that_was_cut_and_whose_head_was_rolled_back_is_shorter_than_its_copy(database: Database) -> None:
    acts(database, 5)
    copy = head(database)
    roll_back(database, 3)

    assert fault(database) is None, "without the copy it cannot be known"
    assert fault(database, copy) == "shorter_than_known_5"


def test_a_chain_that_was_cut_and_grew_again_is_not_what_was_copied(database: Database) -> None:
    acts(database, 5)
    copy = head(database)
    roll_back(database, 3)
    acts(database, 4)

    assert fault(database) is None
    assert fault(database, copy) == "rewritten_before_5"


def test_a_chain_that_was_wholly_rewritten_is_not_what_was_copied(database: Database) -> None:
    acts(database, 4)
    copy = head(database)
    rewrite(database)

    assert fault(database) is None
    assert fault(database, copy) == "rewritten_before_4"


def test_a_later_copy_of_the_rewritten_chain_does_not_hide_the_earlier_one(database: Database) -> None:
    acts(database, 4)
    honest = head(database)
    rewrite(database)
    forged = head(database)

    assert honest[0] == forged[0]
    assert fault(database, honest, forged) == "rewritten_before_4"
    assert fault(database, forged, honest) == "rewritten_before_4"


def test_a_trail_that_was_emptied_with_its_head_is_missed_by_its_copy(database: Database) -> None:
    acts(database, 2)
    copy = head(database)
    tamper(database, sa.delete(AuditEvent), sa.delete(AuditHead))

    assert fault(database) is None
    assert fault(database, copy) == "head_missing"
