"""What the sandbox remembers: through a restart, within its caps, and not through a reset."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from server.wechat.sandbox.state import CHAT_CAP, PUSH_CAP, Push
from server.wechat.sandbox.store import WRITE_PAUSE_SECONDS

from .conftest import RESIDENT, Driver


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "instance" / "sandbox.json"


def test_everything_survives_a_restart(make_sandbox: Callable[..., Driver], file: Path) -> None:
    before = make_sandbox(state_file=file)
    token = before.token()
    ticket = before.make_code("street-1")["ticket"]
    before.call("POST", "menu/create", json={"button": [{"type": "click", "name": "测评", "key": "K"}]})
    before.post("/residents", id="sun-li", name="孙丽", age=33)
    before.post("/follow", resident=RESIDENT, code="street-1")
    before.say("在吗")
    before.client.post("/sandbox/faults", json={"kind": "errcode", "path": "/cgi-bin/menu/delete"})
    before.post("/posters", title="楼道", content="http://127.0.0.1:8000/q/a")
    before.post("/clock", advance_seconds=3600)
    paths = ("/residents", f"/residents/{RESIDENT}/messages", "/pushes", "/menu", "/tickets", "/faults", "/posters")
    seen = {path: before.get(path) for path in paths}
    offset = before.get("/clock")["offset_seconds"]
    before.close()

    after = make_sandbox(state_file=file)

    assert {path: after.get(path) for path in paths} == seen
    assert after.get("/clock")["offset_seconds"] == offset
    assert after.call("GET", "getcallbackip", token=token)["ip_list"]
    assert after.respond("GET", "showqrcode", query={"ticket": ticket}).status_code == 200
    assert after.say("还在吗")["id"] > max(push["id"] for push in seen["/pushes"]["pushes"])


def test_the_windows_survive_a_restart(make_sandbox: Callable[..., Driver], file: Path) -> None:
    before = make_sandbox(state_file=file)
    before.post("/follow", resident=RESIDENT)
    before.close()

    after = make_sandbox(state_file=file)
    openid = next(one["openid"] for one in after.get("/residents")["residents"] if one["id"] == RESIDENT)
    body = {"touser": openid, "msgtype": "text", "text": {"content": "x"}}

    assert [after.call("POST", "message/custom/send", json=body)["errcode"] for _ in range(4)] == [0, 0, 0, 45047]


def test_a_file_that_cannot_be_read_stops_the_start_and_is_left_alone(
    make_sandbox: Callable[..., Driver], tmp_path: Path
) -> None:
    file = tmp_path / "sandbox.json"
    file.write_text('{"sequence": "many"', encoding="utf-8")

    with pytest.raises(ValueError, match=r"sandbox\.json"):
        make_sandbox(state_file=file)
    assert file.read_text(encoding="utf-8") == '{"sequence": "many"'


def test_the_file_is_replaced_whole(make_sandbox: Callable[..., Driver], file: Path) -> None:
    """A reader that opened it before a write still has a whole document in hand: the name moves, not the bytes."""
    sandbox = make_sandbox(state_file=file)
    store = sandbox.app.extensions["sandbox"].store
    sandbox.make_code("street-1")
    store.flush()
    with file.open(encoding="utf-8") as reader:
        sandbox.make_code("street-2")
        store.flush()
        assert len(json.load(reader)["tickets"]) == 1
    assert len(json.loads(file.read_text(encoding="utf-8"))["tickets"]) == 2
    assert [one.name for one in file.parent.iterdir()] == ["sandbox.json"]


def test_histories_have_an_end(sandbox: Driver, follower: str) -> None:
    openid = sandbox.get("/residents")["residents"][1]["openid"]
    sandbox.app.extensions["sandbox"].store.reset()
    sandbox.post("/follow", resident=follower)
    for n in range(CHAT_CAP // 2 + 10):
        sandbox.say(f"第 {n} 句")

    chat = sandbox.chat()
    assert len(chat) == CHAT_CAP
    assert chat[-1]["text"] == f"echo: 第 {CHAT_CAP // 2 + 9} 句"
    with sandbox.app.extensions["sandbox"].store.read() as state:
        assert len(state.chats[openid]) == CHAT_CAP


def test_the_push_log_has_an_end(sandbox: Driver) -> None:
    with sandbox.app.extensions["sandbox"].store.change() as state:
        for _ in range(PUSH_CAP + 5):
            state.add_push(Push(state.next_id(), 0.0, "text", "o", "<xml/>"))
        newest = state.pushes[-1].id

    shown = sandbox.get("/pushes", limit=10_000)["pushes"]
    assert (len(shown), shown[0]["id"]) == (PUSH_CAP, newest)


def test_a_reset_forgets_all_but_the_people_who_live_here(sandbox: Driver, follower: str) -> None:
    people = [(one["id"], one["openid"]) for one in sandbox.get("/residents")["residents"]]
    sandbox.post("/residents", id="sun-li", name="孙丽")
    token = sandbox.token()
    push_id = sandbox.say("在吗")["id"]

    sandbox.post("/reset")

    assert [(one["id"], one["openid"]) for one in sandbox.get("/residents")["residents"]] == people
    assert sandbox.chat() == []
    assert sandbox.call("GET", "getcallbackip", token=token)["errcode"] == 40001
    sandbox.post("/follow", resident=follower)
    assert sandbox.say("在吗")["id"] > push_id


def test_the_phone_begins_its_view_anew_after_a_reset(sandbox: Driver, follower: str) -> None:
    view = sandbox.get("/phone", resident=follower)
    last = view["messages"][-1]["id"]
    assert sandbox.get("/phone", resident=follower, after=last, epoch=view["epoch"])["messages"] == []

    sandbox.post("/reset")
    sandbox.post("/follow", resident=follower)

    again = sandbox.get("/phone", resident=follower, after=last, epoch=view["epoch"])
    assert again["epoch"] != view["epoch"]
    assert [one["text"] for one in again["messages"]] == ["已关注", "echo: subscribe"]


def test_the_clock_is_set_advanced_and_put_back(sandbox: Driver) -> None:
    assert sandbox.post("/clock", now="2030-01-01T08:00:00+08:00")["iso"] == "2030-01-01T08:00:00+08:00"
    assert sandbox.post("/clock", advance_seconds=86400)["iso"].startswith("2030-01-02T08:00:0")
    assert sandbox.post("/clock", offset_seconds=0)["offset_seconds"] == 0
    for bad in ({}, {"now": "2030-01-01T08:00:00"}, {"advance_seconds": 1, "offset_seconds": 1}):
        assert sandbox.client.post("/sandbox/clock", json=bad).status_code == 422


def test_residents_are_created_once(sandbox: Driver) -> None:
    first = sandbox.client.post("/sandbox/residents", json={"id": "sun-li", "name": "孙丽", "age": 33})
    again = sandbox.client.post("/sandbox/residents", json={"id": "sun-li", "name": "孙丽"})

    assert (first.status_code, again.status_code) == (201, 409)
    assert first.get_json()["resident"]["openid"].startswith("o")


def test_the_seven_neighbours_have_names_ages_and_colours_of_their_own(sandbox: Driver) -> None:
    people: list[Any] = sandbox.get("/residents")["residents"]

    assert len(people) >= 6
    assert len({one["name"] for one in people}) == len({one["tint"] for one in people}) == len(people)
    assert {one["age"] < 18 for one in people} == {True, False}


def test_a_flood_does_not_write_the_file_for_each_message(make_sandbox: Callable[..., Driver], file: Path) -> None:
    sandbox = make_sandbox(state_file=file)
    store = sandbox.app.extensions["sandbox"].store
    began = time.monotonic()
    sandbox.post("/follow", resident=RESIDENT)
    for n in range(50):
        sandbox.say(f"第 {n} 句")
    sandbox.close()
    seconds = time.monotonic() - began

    assert 1 <= store.writes <= seconds / WRITE_PAUSE_SECONDS + 2  # the first at once, the last at the end
    (chat,) = json.loads(file.read_text(encoding="utf-8"))["chats"].values()
    assert chat[-1]["text"] == "echo: 第 49 句"


def test_what_could_not_be_written_is_written_later(
    make_sandbox: Callable[..., Driver], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    obstacle = tmp_path / "instance"
    obstacle.write_text("a file where the folder should be", encoding="utf-8")
    sandbox = make_sandbox(state_file=obstacle / "sandbox.json")
    store = sandbox.app.extensions["sandbox"].store
    sandbox.make_code("street-1")
    store.flush()
    assert "cannot write" in caplog.text

    obstacle.unlink()
    store.flush()

    assert len(json.loads((obstacle / "sandbox.json").read_text(encoding="utf-8"))["tickets"]) == 1
