"""Codes of the account: what is drawn on a poster brings a scanner to its scene."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from server.db import Database
from server.wechat.client import GatewayBroken, RefusedByWeChat
from server.wechat.qrcodes import LONGEST_SECONDS, BadScene, create_scene
from tests.wechat.helpers_client import Peer, ok, running_gateway, running_sandbox

CREATE = "/cgi-bin/qrcode/create"


@pytest.fixture
def peer() -> Iterator[Peer]:
    with running_sandbox() as running:
        yield running


def codes_of(peer: Peer) -> list[dict[str, Any]]:
    return list(requests.get(f"{peer.url}/sandbox/tickets", timeout=5).json()["tickets"])


def test_a_permanent_code_carries_its_scene_and_has_no_end(database: Database, peer: Peer) -> None:
    url = create_scene(peer.api(database), "ep_9aX-2")

    (code,) = codes_of(peer)
    assert (code["url"], code["scene"], code["expires_at"]) == (url, "ep_9aX-2", None)
    assert code["action_name"] == "QR_LIMIT_STR_SCENE"


def test_a_temporary_code_ends_when_it_was_told_to(database: Database, peer: Peer) -> None:
    url = create_scene(peer.api(database), "ep1", seconds=LONGEST_SECONDS)

    (code,) = codes_of(peer)
    assert (code["url"], code["scene"], code["action_name"]) == (url, "ep1", "QR_STR_SCENE")
    assert code["expires_at"] - code["created_at"] == LONGEST_SECONDS == 2_592_000


def test_the_code_of_a_scene_stays_the_same(database: Database, peer: Peer) -> None:
    api = peer.api(database)

    assert create_scene(api, "ep1") == create_scene(api, "ep1") != create_scene(api, "ep2")


@pytest.mark.parametrize(
    ("scene", "seconds"), [("", None), ("s" * 65, None), ("ep1", 0), ("ep1", -5), ("ep1", LONGEST_SECONDS + 1)]
)
def test_what_wechat_would_refuse_is_refused_before_it_is_asked(
    database: Database, peer: Peer, scene: str, seconds: int | None
) -> None:
    with pytest.raises(BadScene):
        create_scene(peer.api(database), scene, seconds=seconds)

    assert peer.calls == []


def test_the_longest_scene_is_taken(database: Database, peer: Peer) -> None:
    assert create_scene(peer.api(database), "s" * 64)


def test_an_account_that_may_not_make_codes_gets_a_typed_refusal(database: Database) -> None:
    with running_sandbox(account_kind="subscription") as peer, pytest.raises(RefusedByWeChat) as caught:
        create_scene(peer.api(database), "ep1")

    assert (caught.value.errcode, caught.value.act) == (48001, "alert")


def test_an_answer_without_a_code_is_no_code(database: Database) -> None:
    with running_gateway() as gateway:
        gateway.answer = lambda heard: ok(b'{"ticket": "t"}')
        with pytest.raises(GatewayBroken, match="no_url"):
            create_scene(gateway.api(database), "ep1")
