"""The menu file: read, checked by WeChat's limits before WeChat is asked, published, and compared with what is live."""

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from server.config import ROOT
from server.db import Database
from server.wechat.client import GatewayBroken, RefusedByWeChat
from server.wechat.menu import BadMenu, LiveMenu, Menu, difference, fetch_live, load_menu, publish
from tests.wechat.helpers_client import Gateway, Peer, ok, running_gateway, running_sandbox

BASE = "https://xinqiao.example"
CREATE, GET = "/cgi-bin/menu/create", "/cgi-bin/menu/get"
SHIPPED = ROOT / "content" / "wechat" / "menu.yaml"


@pytest.fixture
def peer() -> Iterator[Peer]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with running_gateway() as running:
        yield running


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "menu.yaml"


def faults_of(file: Path, text: str) -> tuple[str, ...]:
    file.write_text(dedent(text), encoding="utf-8")
    with pytest.raises(BadMenu) as caught:
        load_menu(file, base_url=BASE)
    return caught.value.faults


# --- the file -----------------------------------------------------------------------------------------------------


def test_the_shipped_menu_is_within_wechats_limits_and_leads_to_this_site() -> None:
    menu = load_menu(SHIPPED, base_url=BASE + "/")

    assert 1 <= len(menu.buttons) <= 3
    assert any(f"{BASE}/h5/help" in line for line in menu.lines())


def test_path_url_and_key_become_wechats_buttons(file: Path) -> None:
    file.write_text(
        dedent(
            """
            button:
              - {name: 自测, path: /h5/}
              - {name: 首页, url: "https://other.example/a?b=1"}
              - name: 更多
                sub_button:
                  - {name: 热线, key: HOTLINE}
            """
        ),
        encoding="utf-8",
    )

    assert load_menu(file, base_url=BASE).buttons == (
        {"name": "自测", "type": "view", "url": f"{BASE}/h5/"},
        {"name": "首页", "type": "view", "url": "https://other.example/a?b=1"},
        {"name": "更多", "sub_button": [{"name": "热线", "type": "click", "key": "HOTLINE"}]},
    )


@pytest.mark.parametrize(
    ("field", "longest", "below"),
    [
        ("name", "五个汉字啊x", False),
        ("name", "二" * 20, True),
        ("key", "k" * 128, False),
        ("url", "https://x.example/" + "p" * (1024 - 18), False),
    ],
)
def test_lengths_count_bytes_and_end_where_wechats_end(file: Path, field: str, longest: str, below: bool) -> None:
    def text_of(value: str) -> str:
        button = {"name": "按钮", "key": "K"} if field == "name" else {"name": "按钮"}
        entry = ", ".join(f'{key}: "{text}"' for key, text in (button | {field: value}).items())
        if below:
            return f"button: [{{name: 上层, sub_button: [{{{entry}}}]}}]"
        return f"button: [{{{entry}}}]"

    file.write_text(text_of(longest), encoding="utf-8")
    assert load_menu(file, base_url=BASE)
    size = len(longest.encode())
    faults = faults_of(file, text_of(longest + "x"))

    assert len(faults) == 1
    assert f"its {field} has {size + 1} bytes; WeChat takes {size}." in faults[0]


def test_every_fault_is_told_at_once_with_the_name_of_its_button(file: Path) -> None:
    faults = faults_of(
        file,
        """
        button:
          - {name: 这个名字实在太长了, path: /h5/}
          - {name: 无事}
          - {name: 两样, path: /h5/, key: K}
          - name: 更多
            key: K
            sub_button:
              - {name: 深层, sub_button: [{name: 太深, key: K}]}
              - {name: 键, key: ""}
              - {name: 空, path: h5/}
              - {name: 外, path: //other.example/}
              - {name: 址, url: "ftp://x.example/"}
              - {name: 数, key: 12356}
          - just text
          - {key: K, colour: red}
        """,
    )

    assert faults == (
        "The menu has 6 buttons; WeChat takes 1 to 3.",
        'Button "这个名字实在太长了": its name has 27 bytes; WeChat takes 16.',
        'Button "无事" does nothing; give it exactly one of path, url, key (or sub_button on top).',
        'Button "两样" has key, path; give it exactly one of path, url, key (or sub_button on top).',
        'Button "更多" opens a list and can do nothing else: key.',
        'Button "更多" has 6 buttons; WeChat takes 1 to 5.',
        'Button "深层" stands below another button and can have none below itself.',
        'Button "深层" does nothing; give it exactly one of path, url, key (or sub_button on top).',
        'Button "键": its key is empty.',
        'Button "空": its path must begin with one / and lead to a page of this site.',
        'Button "外": its path must begin with one / and lead to a page of this site.',
        'Button "址": its url is no http(s) address without blanks.',
        'Button "数": its key must be text (put it in quotes).',
        "Button 5 of the menu must have a name and what it does.",
        "Button 6 of the menu: its name is missing.",
        "Button 6 of the menu has fields that a menu does not know: colour.",
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("button: []", "has 0 buttons; WeChat takes 1 to 3"),
        ("button: [{name: 更多, sub_button: []}]", "has 0 buttons; WeChat takes 1 to 5"),
        ("button: 7", "must be a list"),
        ("buttons: []", "must hold `button:`"),
        ("- a", "must hold `button:`"),
        ("", "must hold `button:`"),
        ("button: [{name: a", "menu.yaml, line 1"),
        ("button: \x00", "is not YAML in UTF-8"),
        ('button: [{name: "a\\nb", key: K}]', "holds a line break"),
        ('button: [{name: "a", url: "https://x.example/a b"}]', "is no http(s) address"),
        ('button: [{name: "a", url: "https://[x/"}]', "is no http(s) address"),
        ('button: [{name: "a", path: "/a b"}]', "its path is no http(s) address"),
    ],
)
def test_what_is_no_menu_is_told_in_a_sentence(file: Path, text: str, says: str) -> None:
    faults = faults_of(file, text)

    assert len(faults) == 1
    assert says in faults[0]


def test_a_file_that_is_missing_or_not_text_is_told_too(file: Path) -> None:
    with pytest.raises(BadMenu, match=r"menu\.yaml cannot be read"):
        load_menu(file, base_url=BASE)
    file.write_bytes("button: [{name: 帮助, key: K}]".encode("gb18030"))
    with pytest.raises(BadMenu, match="UTF-8"):
        load_menu(file, base_url=BASE)


# --- WeChat -------------------------------------------------------------------------------------------------------


def test_what_was_published_is_live_and_equal(database: Database, peer: Peer) -> None:
    api, menu = peer.api(database), load_menu(SHIPPED, base_url=BASE)
    assert fetch_live(api) is None

    publish(api, menu)

    assert fetch_live(api) == LiveMenu(menu)
    assert difference(menu, menu) == []


def test_the_sandbox_draws_the_limits_where_the_local_check_does(database: Database, peer: Peer) -> None:
    """A menu that fails here must fail there, or one of the two is wrong."""
    api = peer.api(database)
    for buttons, errcode in (
        ([{"name": "x" * 17, "type": "click", "key": "K"}], 40018),
        ([{"name": "x", "type": "click", "key": "k" * 129}], 40019),
        ([{"name": "x", "type": "view", "url": "https://x.example/" + "p" * 1007}], 40020),
        ([{"name": "x", "type": "click", "key": "K"}] * 4, 40016),
        ([{"name": "x", "sub_button": [{"name": "y", "type": "click", "key": "K"}] * 6}], 40023),
        ([{"name": "x", "sub_button": [{"name": "y" * 61, "type": "click", "key": "K"}]}], 40025),
    ):
        with pytest.raises(RefusedByWeChat) as caught:
            publish(api, Menu(tuple(buttons)))
        assert caught.value.errcode == errcode


def test_the_difference_leads_from_the_live_menu_to_the_file(database: Database, peer: Peer) -> None:
    api = peer.api(database)
    publish(
        api,
        Menu(
            (
                {"name": "心情自测", "type": "view", "url": f"{BASE}/old"},
                {"name": "帮助", "type": "click", "key": "HELP"},
            )
        ),
    )
    wanted = Menu(
        (
            {"name": "心情自测", "type": "view", "url": f"{BASE}/h5/"},
            {"name": "帮助", "sub_button": [{"name": "热线", "type": "click", "key": "HOTLINE"}]},
        )
    )
    live = fetch_live(api)
    assert live is not None

    assert difference(live.menu, wanted) == [
        "--- live",
        "+++ file",
        "@@ -1,2 +1,3 @@",
        f"-心情自测  view  {BASE}/old",
        "-帮助  click  HELP",
        f"+心情自测  view  {BASE}/h5/",
        "+帮助",
        "+    热线  click  HOTLINE",
    ]


def test_without_a_live_menu_all_is_new() -> None:
    assert difference(None, Menu(({"name": "帮助", "type": "click", "key": "HELP"},)))[3:] == ["+帮助  click  HELP"]


def test_a_live_menu_of_another_hand_is_shown_with_all_that_it_does(database: Database, gateway: Gateway) -> None:
    """Somebody made it in another program: types, fields and conditional menus that menu.yaml does not know."""
    gateway.answer = lambda heard: ok(
        b'{"menu": {"menuid": 1, "button": [{"type": "miniprogram", "name": "MP", "url": "http://a.b/", "appid": "wx1",'
        b' "pagepath": "p/i", "sub_button": []}, {"name": "M", "sub_button": [{"type": "media_id", "name": "Pic",'
        b' "media_id": "m1"}]}]}, "conditionalmenu": [{}, {}]}'
    )
    live = fetch_live(gateway.api(database))

    assert live is not None
    assert live.conditional_count == 2
    assert live.menu.lines() == [
        "MP  miniprogram  http://a.b/  appid=wx1  pagepath=p/i",
        "M",
        "    Pic  media_id  m1",
    ]


@pytest.mark.parametrize("body", [b"{}", b'{"menu": []}', b'{"menu": {"button": [7]}}', b'{"menu": {"button": null}}'])
def test_an_answer_without_a_menu_is_no_empty_menu(database: Database, gateway: Gateway, body: bytes) -> None:
    gateway.answer = lambda heard: ok(body)

    with pytest.raises(GatewayBroken, match="no_menu"):
        fetch_live(gateway.api(database))


def test_a_refusal_other_than_no_menu_is_told(database: Database, peer: Peer) -> None:
    peer.arrange("/faults", kind="errcode", path=GET, errcode=48001)

    with pytest.raises(RefusedByWeChat, match="48001"):
        fetch_live(peer.api(database))
