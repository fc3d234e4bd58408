"""Codes of the account: tickets, their limits, their pictures, and reading them back with the phone's camera."""

import io
from typing import Any
from urllib.parse import quote

import pytest
import qrcode
from PIL import Image, ImageChops

from .callback import Callback
from .conftest import RESIDENT, Driver


def create(sandbox: Driver, action: str, scene: object, **more: object) -> Any:
    key = "scene_str" if "STR" in action else "scene_id"
    body = {"action_name": action, "action_info": {"scene": {key: scene}}} | more
    return sandbox.call("POST", "qrcode/create", json=body)


def picture_of(content: str, **options: Any) -> bytes:
    file = io.BytesIO()
    qrcode.make(content, **options).save(file, "PNG")
    return file.getvalue()


def upload(sandbox: Driver, file: bytes) -> Any:
    data = {"picture": (io.BytesIO(file), "photo.png")}
    return sandbox.client.post("/sandbox/scan/picture", data=data).json


@pytest.mark.parametrize(
    ("action", "scene", "errcode"),
    [
        ("QR_SCENE", 1, None),
        ("QR_SCENE", 2**32 - 1, None),
        ("QR_SCENE", 2**32, 40053),
        ("QR_SCENE", 0, 40053),
        ("QR_SCENE", "1", 40053),
        ("QR_SCENE", True, 40053),
        ("QR_LIMIT_SCENE", 100_000, None),
        ("QR_LIMIT_SCENE", 100_001, 40053),
        ("QR_STR_SCENE", "s" * 64, None),
        ("QR_STR_SCENE", "s" * 65, 40053),
        ("QR_LIMIT_STR_SCENE", "", 40053),
        ("QR_LIMIT_STR_SCENE", "楼道海报", None),
        ("QR_OTHER", 1, 40052),
    ],
)
def test_each_kind_of_code_has_its_range_of_scenes(sandbox: Driver, action: str, scene: object, errcode: Any) -> None:
    assert create(sandbox, action, scene).get("errcode") == errcode


@pytest.mark.parametrize("body", [{}, {"action_info": {}}, {"action_info": {"scene": "x"}}, {"action_info": []}])
def test_a_code_without_a_scene_is_refused(sandbox: Driver, body: dict[str, object]) -> None:
    answer = sandbox.call("POST", "qrcode/create", json={"action_name": "QR_LIMIT_STR_SCENE"} | body)

    assert answer["errcode"] == 40053


def test_a_permanent_code_of_a_scene_is_the_same_for_ever(sandbox: Driver) -> None:
    first = create(sandbox, "QR_LIMIT_STR_SCENE", "street-1")
    sandbox.post("/reset")

    assert create(sandbox, "QR_LIMIT_STR_SCENE", "street-1") == first
    assert create(sandbox, "QR_LIMIT_STR_SCENE", "street-2") != first
    assert "expire_seconds" not in first


def test_a_temporary_code_lives_as_long_as_was_asked_and_a_minute_by_default(sandbox: Driver) -> None:
    assert create(sandbox, "QR_STR_SCENE", "s")["expire_seconds"] == 60
    assert create(sandbox, "QR_STR_SCENE", "s", expire_seconds=2_592_000)["expire_seconds"] == 2_592_000
    assert create(sandbox, "QR_STR_SCENE", "s", expire_seconds=2_592_001)["errcode"] == 40097


def test_an_expired_code_has_no_picture_and_cannot_be_scanned(sandbox: Driver) -> None:
    made = create(sandbox, "QR_STR_SCENE", "s", expire_seconds=600)
    sandbox.post("/clock", advance_seconds=601)

    assert sandbox.respond("GET", "showqrcode", query={"ticket": made["ticket"]}).status_code == 404
    assert sandbox.post("/scan", resident=RESIDENT, code=made["url"])["error"]["code"] == "code_expired"


def test_the_picture_of_a_ticket_reads_back_as_its_url(sandbox: Driver) -> None:
    made = sandbox.make_code("street-1")

    answer = sandbox.client.get(f"/cgi-bin/showqrcode?ticket={quote(made['ticket'], safe='')}")

    assert Image.open(io.BytesIO(answer.data)).format == "JPEG"
    assert upload(sandbox, answer.data) == {"codes": [made["url"]]}


def test_a_ticket_must_be_quoted_in_the_address(sandbox: Driver) -> None:
    made = sandbox.make_code("street-1")

    assert "+" in made["ticket"]
    assert sandbox.client.get(f"/cgi-bin/showqrcode?ticket={made['ticket']}").status_code == 404


def test_the_camera_reads_a_slanted_photograph_of_a_poster(sandbox: Driver) -> None:
    poster = Image.new("RGB", (1600, 1200), "#d8d2c8")
    code = Image.open(io.BytesIO(picture_of("http://127.0.0.1:8000/q/ab12", box_size=8))).convert("RGB")
    poster.paste(code.rotate(17, expand=True, fillcolor="#d8d2c8"), (600, 400))
    file = io.BytesIO()
    poster.save(file, "JPEG", quality=70)

    assert upload(sandbox, file.getvalue()) == {"codes": ["http://127.0.0.1:8000/q/ab12"]}


@pytest.mark.parametrize("box_size", [1, 40])
def test_the_camera_reads_codes_that_are_tiny_or_huge(sandbox: Driver, box_size: int) -> None:
    assert upload(sandbox, picture_of("心桥", box_size=box_size)) == {"codes": ["心桥"]}


def test_the_camera_takes_transparent_paper_for_white(sandbox: Driver) -> None:
    code = Image.open(io.BytesIO(picture_of("clear"))).convert("RGBA")
    code.putalpha(ImageChops.invert(code.convert("L")))  # what was white is now nothing at all
    file = io.BytesIO()
    code.save(file, "PNG")

    assert upload(sandbox, file.getvalue()) == {"codes": ["clear"]}


def test_a_picture_without_a_code_and_a_file_that_is_no_picture_are_told_apart(sandbox: Driver) -> None:
    file = io.BytesIO()
    Image.new("RGB", (300, 300), "white").save(file, "PNG")

    assert upload(sandbox, file.getvalue())["error"]["code"] == "no_code"
    assert upload(sandbox, b"%PDF-1.7 no picture")["error"]["code"] == "no_picture"
    assert upload(sandbox, picture_of("cut off")[:200])["error"]["code"] == "no_picture"


def test_somebody_who_does_not_follow_sees_the_profile_and_then_subscribes_with_the_scene(
    sandbox: Driver, callback: Callback
) -> None:
    made = sandbox.make_code("street-1")

    seen = sandbox.post("/scan", resident=RESIDENT, code=made["url"])
    assert (seen["result"], seen["push"], callback.received) == ("profile", None, [])

    sandbox.post("/follow", resident=RESIDENT, code=seen["ticket"])
    fields = callback.received[0].fields
    assert (fields["Event"], fields["EventKey"], fields["Ticket"]) == ("subscribe", "qrscene_street-1", made["ticket"])


def test_a_follower_who_scans_reports_the_bare_scene(sandbox: Driver, callback: Callback, follower: str) -> None:
    made = sandbox.make_code("street-1")

    scan = sandbox.post("/scan", resident=follower, scene="street-1")

    fields = callback.received[-1].fields
    assert (fields["Event"], fields["EventKey"], fields["Ticket"]) == ("SCAN", "street-1", made["ticket"])
    assert scan["push"]["reply"]["text"] == "echo: SCAN street-1"


def test_a_scan_may_follow_at_once(sandbox: Driver, callback: Callback) -> None:
    sandbox.make_code("street-1")

    sandbox.post("/scan", resident=RESIDENT, scene="street-1", follow=True)

    assert callback.received[0].fields["EventKey"] == "qrscene_street-1"


def test_an_address_opens_the_browser_and_words_are_only_shown(sandbox: Driver, callback: Callback) -> None:
    page = sandbox.post("/scan", resident=RESIDENT, code="http://127.0.0.1:8000/q/ab12")
    words = sandbox.post("/scan", resident=RESIDENT, code="WIFI:S:x;;")
    foreign = sandbox.post("/scan", resident=RESIDENT, code="http://weixin.qq.com/q/02elsewhere")

    assert (page["result"], words["result"]) == ("page", "text")
    assert foreign["error"]["code"] == "unknown_code"
    assert callback.received == []


def test_user_info_tells_by_which_code_a_follower_came(sandbox: Driver) -> None:
    create(sandbox, "QR_LIMIT_SCENE", 77)
    create(sandbox, "QR_LIMIT_STR_SCENE", "street-1")
    openids = {one["id"]: one["openid"] for one in sandbox.get("/residents")["residents"]}
    sandbox.post("/follow", resident="chen-jing", code="77")
    sandbox.post("/follow", resident="liu-yang", code="street-1")
    sandbox.post("/follow", resident="wu-min")

    def info(who: str) -> Any:
        answer = sandbox.call("GET", "user/info", query={"openid": openids[who]})
        return answer["subscribe_scene"], answer["qr_scene"], answer["qr_scene_str"]

    assert info("chen-jing") == ("ADD_SCENE_QR_CODE", 77, "")
    assert info("liu-yang") == ("ADD_SCENE_QR_CODE", 0, "street-1")
    assert info("wu-min") == ("ADD_SCENE_SEARCH", 0, "")


def test_user_info_tells_a_former_follower_from_a_stranger(sandbox: Driver, follower: str) -> None:
    openids = {one["id"]: one["openid"] for one in sandbox.get("/residents")["residents"]}
    sandbox.post("/unfollow", resident=follower)

    former = sandbox.call("GET", "user/info", query={"openid": openids[follower]})
    assert former == {"subscribe": 0, "openid": openids[follower]}
    assert sandbox.call("GET", "user/info", query={"openid": openids["wu-min"]})["errcode"] == 40003


def test_posters_carry_the_names_that_were_given_to_them(sandbox: Driver) -> None:
    made = sandbox.make_code("street-1")
    sandbox.make_code("street-2")
    sandbox.post("/posters", title="一单元楼道", content=made["url"])
    sandbox.post("/posters", title="学校门口", content="http://127.0.0.1:8000/q/ab12")

    shown = sandbox.get("/posters")["posters"]

    assert [(one["title"], one["kind"]) for one in shown] == [
        ("street-2", "account"),
        ("一单元楼道", "account"),
        ("学校门口", "address"),
    ]
    assert upload(sandbox, sandbox.client.get(shown[2]["picture"]).data) == {"codes": ["http://127.0.0.1:8000/q/ab12"]}
    assert [one["title"] for one in sandbox.get("/posters", q="学校")["posters"]] == ["学校门口"]
