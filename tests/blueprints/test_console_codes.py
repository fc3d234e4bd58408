"""Pages of codes on walls: making, listing, revoking, posters; what a street's clerk sees of them."""

import io
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import zxingcpp
from PIL import Image
from werkzeug.serving import make_server

from server.accounts.policy import Role
from server.clock import local_day
from server.config import AccountKind
from server.organisations.codes import MOST_AT_ONCE
from server.organisations.models import EntryPoint, EntryPointDay, Organisation
from server.wechat.sandbox.app import SandboxSettings, create_sandbox
from tests.blueprints.staff import Colleague, text_of
from tests.blueprints.test_console_places import NOBODY, links_of, words_of
from tests.blueprints.visitor import Page, Visitor
from tests.conftest import NOW

LIST = "/console/entry-points"


@pytest.fixture
def clerk(app, world) -> Colleague:
    world.hire("clerk", role=Role.CLERK, at=world.streets[0])
    return Colleague(app).sign_in("clerk")


@pytest.fixture
def wechat(app, parts) -> Iterator[None]:
    """WeChat's servers, as the sandbox plays them, over real HTTP."""
    settings = parts.settings
    sandbox = create_sandbox(
        SandboxSettings(
            app_id=settings.wechat_oa_app_id,
            secret=settings.wechat_oa_secret,
            token=settings.wechat_oa_token,
            aes_key=settings.wechat_oa_aes_key[0],
            callback_url="http://127.0.0.1:9/wechat/callback",
            web_base=settings.public_base_url,
        )
    )
    server = make_server("127.0.0.1", 0, sandbox, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    use(app, wechat_api_base=f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def use(app, **changes) -> None:
    """Other settings for this test; the app fixture puts the old ones back."""
    built = app.extensions["xinqiao"]
    app.extensions["xinqiao"] = replace(built, settings=built.settings.model_copy(update=changes))


def make(clerk: Colleague, at: Organisation, **changes: str) -> str:
    """The new code."""
    sent = {"opens": "assessment:phq9", "kind": "plain"} | changes
    answer = clerk.post(f"/console/places/{at.public_id}/entry-points/new", **sent)
    assert answer.status_code == 303, answer.text
    return answer.location.rpartition("/")[2]


def read(picture: bytes) -> str:
    with Image.open(io.BytesIO(picture)) as image:
        return zxingcpp.read_barcodes(image)[0].text


# --- making -----------------------------------------------------------------------------------------------------------


def test_a_clerk_makes_a_code_and_the_picture_leads_where_it_says(clerk, world, visitor):
    code = make(clerk, world.communities[0])
    page = clerk.get(f"{LIST}/{code}")
    assert "使用中" in words_of(page)
    assert "云岭街道新庄社区" in words_of(page)
    picture = clerk.get(f"{LIST}/{code}/poster.png")

    assert picture.content_type == "image/png"
    assert picture.headers["Content-Disposition"] == f'attachment; filename="xinqiao-{code}.png"'
    address = read(picture.data)
    assert address == f"http://127.0.0.1:8000/q/{code}"
    assert visitor.open(address.removeprefix("http://127.0.0.1:8000")).path == "/h5/test/phq9"
    assert clerk.get(f"{LIST}/{code}/poster.svg").data.startswith(b"<svg ")
    assert [act.object_id for act in world.acts("entry_point.made")] == [code]


def test_a_code_is_good_through_its_last_day(clerk, world):
    code = make(clerk, world.streets[0], last_day="2026-11-23")
    point = world.only(EntryPoint, EntryPoint.code == code)

    assert local_day(point.valid_until - timedelta(microseconds=1)).isoformat() == "2026-11-23"
    assert local_day(point.valid_until).isoformat() == "2026-11-24"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"last_day": "2026-11-22"}, "这一天已经过去了"),
        ({"last_day": "9999-12-31"}, "不能大于"),
        ({"last_day": "morgen"}, "请填一个日期"),
        ({"opens": "cellar:"}, "没有这个入口"),
        ({"opens": "assessment:phq99"}, "没有：phq99"),
        ({"opens": ""}, "这一项要填"),
        ({"kind": "gold"}, "请从列出的选项里选一个"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(clerk, world, typed, says):
    sent = {"opens": "assessment:phq9", "kind": "plain"} | typed
    answer = clerk.post(f"/console/places/{world.streets[0].public_id}/entry-points/new", **sent)

    assert answer.status_code == 422
    assert says in re.search(rf'id="fault-{next(iter(typed))}">[^<]*', text_of(answer))[0]
    assert world.all(EntryPoint) == []


def test_a_code_of_the_account_holds_what_wechat_gave(wechat, clerk, world):
    code = make(clerk, world.streets[0], kind="account")
    assert "weixin.qq.com/q/" in read(clerk.get(f"{LIST}/{code}/poster.png").data)


def test_what_wechat_did_not_make_is_a_plain_code_until_it_does(app, clerk, world, request):
    use(app, wechat_api_base="http://127.0.0.1:9")
    code = make(clerk, world.streets[0], kind="account")
    page = clerk.get(f"{LIST}/{code}")
    assert "公众号的码这次没有做成" in words_of(page)
    assert read(clerk.get(f"{LIST}/{code}/poster.png").data).endswith(f"/q/{code}")

    request.getfixturevalue("wechat")
    assert clerk.post(f"{LIST}/{code}/account").status_code == 303
    assert "weixin.qq.com/q/" in read(clerk.get(f"{LIST}/{code}/poster.png").data)
    assert "再试一次公众号的码" not in words_of(clerk.get(f"{LIST}/{code}"))


def test_an_account_that_may_not_make_codes_is_not_offered(app, clerk, world):
    use(app, wechat_oa_kind=AccountKind.SUBSCRIPTION)
    page = clerk.get(f"/console/places/{world.streets[0].public_id}/entry-points/new")
    assert 'value="account"' not in text_of(page)

    code = make(clerk, world.streets[0], kind="account")
    assert read(clerk.get(f"{LIST}/{code}/poster.png").data).endswith(f"/q/{code}")


# --- what a clerk of one street sees ----------------------------------------------------------------------------------


def test_a_clerk_sees_the_codes_of_the_own_street_only(clerk, world):
    own, foreign = world.print_code(world.communities[0]), world.print_code(world.communities[1])
    at_the_top = world.print_code(world.root)
    page = text_of(clerk.get(LIST))

    assert own in page
    assert foreign not in page
    assert at_the_top not in page


@pytest.mark.parametrize("rest", ["", "/revoke", "/poster.png", "/poster.svg"])
def test_a_foreign_code_answers_like_a_missing_one(clerk, world, rest):
    foreign = clerk.get(f"{LIST}/{world.print_code(world.streets[1])}{rest}")
    missing = clerk.get(f"{LIST}/{'2' * 10}{rest}")

    assert foreign.status_code == 404
    assert clerk.without_request_id(foreign) == clerk.without_request_id(missing)


@pytest.mark.parametrize("act", ["revoke", "account"])
def test_nothing_is_done_to_a_foreign_code(clerk, world, act):
    code = world.print_code(world.streets[1])
    answer = clerk.post(f"{LIST}/{code}/{act}")

    assert answer.status_code == 404
    assert world.only(EntryPoint).revoked_at is None


def test_nothing_is_made_at_a_foreign_place(clerk, world):
    for place in (world.streets[1].public_id, world.root.public_id, NOBODY):
        answer = clerk.post(f"/console/places/{place}/entry-points/new", opens="contact:", kind="plain")
        assert answer.status_code == 404
    assert world.all(EntryPoint) == []


def test_one_foreign_code_among_those_to_print_is_missing(clerk, world):
    own, foreign = world.print_code(world.streets[0]), world.print_code(world.streets[1])
    assert clerk.get(f"{LIST}/print?code={own}").status_code == 200
    assert clerk.get(f"{LIST}/print?code={own}&code={foreign}").status_code == 404


def test_filters_narrow_the_list(clerk, world):
    test, contact = (
        world.print_code(world.streets[0]),
        world.print_code(world.communities[0], door="contact", target=""),
    )
    clerk.post(f"{LIST}/{contact}/revoke")
    for query, shown in (
        ("", {test, contact}),
        (f"place={world.communities[0].public_id}", {contact}),
        ("door=assessment", {test}),
        ("state=revoked", {contact}),
        ("state=open", {test}),
        ("state=nonsense", {test, contact}),
    ):
        page = text_of(clerk.get(f"{LIST}?{query}"))
        assert {code for code in (test, contact) if code in page} == shown, query


# --- counts -----------------------------------------------------------------------------------------------------------


def count(world, code: str, scans: int, starts: int, finishes: int) -> None:
    point = world.only(EntryPoint, EntryPoint.code == code)
    yesterday = local_day(NOW) - timedelta(days=1)
    day = EntryPointDay(entry_point_id=point.id, day=yesterday, scans=scans, starts=starts, finishes=finishes)
    world.parts.database.write(lambda session: session.add(day))


def cells(page) -> list[str]:
    return [
        re.sub(r"<[^>]*>", "", cell).strip()
        for cell in re.findall(r'<td class="number"[^>]*>(.*?)</td>', text_of(page), re.DOTALL)
    ]


def test_small_counts_and_small_differences_are_hidden_and_no_sum_is_shown(clerk, world):
    count(world, world.print_code(world.streets[0]), 41, 23, 20)
    assert cells(clerk.get(LIST)) == ["41", "23", "—"]

    count(world, world.print_code(world.communities[0]), 30, 20, 3)
    page = clerk.get(LIST)
    assert cells(page) == ["30", "20", "＜5", "41", "23", "—"]
    assert not re.search(r"\b(71|43|23\d)\b", words_of(page))


def test_what_happens_today_moves_no_number(app, clerk, world):
    code = world.print_code(world.streets[0])
    count(world, code, 10, 0, 0)
    before = words_of(clerk.get(f"{LIST}/{code}"))
    for _ in range(6):
        Visitor(app).open(f"/q/{code}")

    assert words_of(clerk.get(f"{LIST}/{code}")) == before
    assert world.uses(code)[0] == 16


# --- revoking ---------------------------------------------------------------------------------------------------------


def test_a_code_is_revoked_after_a_question_and_its_poster_is_gone(clerk, world, visitor):
    code = world.print_code(world.streets[0])
    asked = clerk.get(f"{LIST}/{code}/revoke")
    assert "云岭街道的“心情自评" in words_of(asked)
    assert world.only(EntryPoint).revoked_at is None

    for _ in range(2):
        assert clerk.post(f"{LIST}/{code}/revoke").status_code == 303
    page = words_of(clerk.get(f"{LIST}/{code}"))
    assert "已作废" in page
    assert "海报不再提供" in page
    assert clerk.get(f"{LIST}/{code}/poster.png").status_code == 404
    assert visitor.open(f"/q/{code}").status == 410
    assert len(world.acts("entry_point.revoked")) == 1


# --- posters ----------------------------------------------------------------------------------------------------------


def test_several_posters_are_printed_two_on_a_sheet_and_not_too_many(clerk, world):
    made = [world.print_code(world.streets[0]) for _ in range(MOST_AT_ONCE + 1)]
    page = clerk.get(f"{LIST}/print?" + "&".join(f"code={code}" for code in made))

    assert text_of(page).count("/poster.svg") == MOST_AT_ONCE
    assert text_of(page).count('class="sheet"') == MOST_AT_ONCE // 2
    assert "有 1 个码没有放进来" in words_of(page)


def test_what_is_over_is_not_printed(clerk, world):
    good, over = world.print_code(world.streets[0]), world.print_code(world.streets[0])
    clerk.post(f"{LIST}/{over}/revoke")
    page = clerk.get(f"{LIST}/print?code={good}&code={over}")

    assert text_of(page).count("/poster.svg") == 1
    assert "有 1 个码没有放进来" in words_of(page)


def test_nothing_chosen_leads_back_to_the_list(clerk, world):
    answer = clerk.get(f"{LIST}/print")
    assert (answer.status_code, answer.location) == (303, LIST)
    assert "请先勾选" in words_of(clerk.get(LIST))


def test_a_name_that_does_not_fit_a_label_is_said_on_the_page(clerk, world, database):
    long = world.streets[0]
    database.write(lambda session: setattr(session.get(Organisation, long.id), "name", "九" * 60))
    code = world.print_code(long)

    assert "机构的名称太长" in words_of(clerk.get(f"{LIST}/{code}"))
    assert clerk.get(f"{LIST}/{code}/poster.png").status_code == 422


def test_an_editor_looks_and_changes_nothing(app, world):
    world.hire("editor", role=Role.EDITOR, at=world.streets[0])
    editor = Colleague(app).sign_in("editor")
    code = world.print_code(world.streets[0])
    page = editor.get(f"{LIST}/{code}")

    assert page.status_code == 200
    assert [form.action for form in Page(page, "").forms if form.method == "post"] == ["/console/sign-out"] * 2
    assert f"{LIST}/{code}/revoke" not in links_of(page)
