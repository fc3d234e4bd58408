"""No log line and no error shows a token, a secret or an address; what an operator needs is in both."""

import copy
import logging
import pickle
from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from server.db import Database
from server.logs import ALLOWED_KEYS
from server.wechat.api_errors import OutcomeUnknown, Unreachable, WeChatError, refusal
from tests.wechat.helpers_client import (
    NO_ANSWERS,
    RID,
    SECRET,
    Gateway,
    in_turn,
    refuse,
    running_gateway,
)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with running_gateway() as running:
        yield running


class Everything(logging.Handler):
    """Each record as any handler could write it, exceptions included."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []
        self.loggers: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.loggers.add(record.name)
        self.said.append(f"{self.format(record)} {record.args!r} {record.exc_info!r}")


@pytest.fixture
def everything() -> Iterator[Everything]:
    handler, root = Everything(), logging.getLogger()
    level = root.level
    loud = [root, *(logging.getLogger(name) for name in ("urllib3", "urllib3.connectionpool", "wechatpy"))]
    for logger in loud:
        logger.setLevel(logging.DEBUG)
    root.handlers.insert(0, handler)  # before ours, which takes the words of the libraries away
    yield handler
    root.removeHandler(handler)
    for logger in loud[1:]:
        logger.setLevel(logging.NOTSET)
    root.setLevel(level)


def test_no_log_and_no_error_shows_token_secret_or_address(
    database: Database, gateway: Gateway, everything: Everything
) -> None:
    """Token, secret and address are looked for in all that an error drags along, not only in its words."""
    failing: list[bytes | None] = [answer for _, answer in NO_ANSWERS]
    failing += [refuse(code, f"token-1 http://mmbizurl.cn/s rid: {RID}") for code in (40001, 40003, 45009, -1)]
    errors: list[WeChatError] = []
    with capture_logs() as logs:
        for answer in failing:
            api = gateway.api(database, sleep=lambda seconds: None)
            gateway.token_answer, gateway.answer = None, in_turn(answer)
            errors.append(_error_of(api.get, "cgi-bin/menu/get"))
            errors.append(_error_of(api.post, "cgi-bin/message/custom/send", {"content": "token-1"}))
            gateway.token_answer = in_turn(answer)
            errors.append(_error_of(gateway.api(database, sleep=lambda seconds: None).get, "cgi-bin/menu/get"))
        gateway.token_answer = None
        gateway.answer = lambda heard: gateway.wait()
        errors.append(_error_of(gateway.api(database, timeouts=(1, 0.1)).get, "cgi-bin/menu/get"))
        gateway.url = "http://127.0.0.1:9"
        errors.append(_error_of(gateway.api(database).get, "cgi-bin/menu/get"))

    assert len(errors) == 3 * len(failing) + 2
    ours = [entry for entry in logs if entry["event"].startswith("wechat.")]
    shown = [str(entry) for entry in ours]
    for error in errors:
        assert error.__cause__ is None
        assert error.__context__ is None
        shown += [str(error), repr(error), repr(error.args), repr(vars(error))]
    for text in shown:
        assert "127.0.0.1" not in text
    assert {key for entry in ours for key in entry} <= ALLOWED_KEYS | {"log_level"}
    assert everything.loggers >= {"urllib3.connectionpool"}
    for text in [*shown, *everything.said]:
        for hidden in ("token-", SECRET, "://", "mmbizurl", "access_token="):
            assert hidden not in text


def _error_of(call: Callable[..., object], *arguments: object) -> WeChatError:
    with pytest.raises(WeChatError) as caught:
        call(*arguments)
    return caught.value


def test_what_was_refused_is_logged_with_its_code_and_tencents_number(database: Database, gateway: Gateway) -> None:
    gateway.answer = in_turn(refuse(48001, f"api unauthorized rid: {RID}"))
    with capture_logs() as logs, pytest.raises(WeChatError):
        gateway.api(database).get("cgi-bin/menu/get")

    assert logs[-1] == {
        "event": "wechat.refused",
        "log_level": "warning",
        "api": "cgi-bin/menu/get",
        "errcode": 48001,
        "rid": RID,
        "action": "alert",
    }


@pytest.mark.parametrize("errmsg", ["", None, 7, "rid: ../../etc", f"x rid: {RID}", "hint: [a.B-1]"])
def test_of_an_errmsg_only_the_number_is_kept(errmsg: object) -> None:
    error = refusal("cgi-bin/x", 40003, errmsg)

    assert error.rid == {f"x rid: {RID}": RID, "hint: [a.B-1]": "a.B-1"}.get(str(errmsg), "")
    assert error.own_address == ""


@pytest.mark.parametrize(
    "error",
    [
        refusal("cgi-bin/stable_token", 40164, f"invalid ip 203.0.113.7, not in whitelist rid: {RID}"),
        Unreachable("cgi-bin/x", "connect"),
        OutcomeUnknown("cgi-bin/x", "timeout"),
    ],
)
def test_an_error_can_be_copied_and_sent_to_another_process(error: WeChatError) -> None:
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (type(twin), str(twin), vars(twin)) == (type(error), str(error), vars(error))
