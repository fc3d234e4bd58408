"""`flask wechat …`: the account's menu, and whether WeChat can be reached.

Exit codes: 0 done or equal, 1 `menu show` found a difference, 2 it could not be done (the sentence says why).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError

from server.clock import local, utc_now
from server.errors import Unavailable
from server.parts import Parts
from server.wechat.client import GatewayBroken, OutcomeUnknown, RefusedByWeChat, WeChatError
from server.wechat.menu import BadMenu, LiveMenu, Menu, difference, fetch_live, load_menu, publish

_ADVICE = {
    -1: "WeChat is busy: try again in a few minutes",
    40001: "the token is refused although it is new: another program fetches tokens with the same secret",
    40013: "WECHAT_OA_APP_ID is not the id of an account",
    40125: "WECHAT_OA_SECRET is not the account's AppSecret",
    40164: "add this server's address to the IP white list in the account's console",
    40243: "the AppSecret is frozen: thaw it in the account's console",
    45009: "today's quota of this interface is used up: it begins anew at 00:00 Beijing time",
    45011: "too many calls in one minute: wait a minute",
    48001: "this account may not use this interface: see its permissions in the console",
    50004: "the account may not fetch tokens: see the console",
    50007: "the account is frozen: see the console",
    89501: "an administrator must confirm this server's address: a message waits in WeChat",
    89503: "an administrator must confirm this server's address: a message waits in WeChat",
    89506: "an administrator refused this server's address: it is blocked for a day",
    89507: "an administrator refused this server's address: it is blocked for an hour",
}
_WRONG_SECRET = "WECHAT_OA_SECRET is not the account's AppSecret"  # noqa: S105 - a sentence


class _Failed(click.ClickException):
    """Printed as one sentence, without a trace."""

    exit_code = 2


wechat_group = AppGroup("wechat", help="The official account: its menu, and whether WeChat can be reached.")
menu_group = AppGroup("menu", help="The menu of content/wechat/menu.yaml.")
wechat_group.add_command(menu_group)


@wechat_group.command()
def ping() -> None:
    """Call WeChat once with a good token, and say whether it answers."""
    with _told_in_a_sentence():
        networks = _parts().wechat_api.get_callback_ips()
    click.echo(f"ok: WeChat answers; its pushes come from {len(networks)} networks.")


@menu_group.command("publish")
@click.option("--dry-run", is_flag=True, help="Check the file and say what would change.")
def publish_menu(dry_run: bool) -> None:
    """Check menu.yaml and make it the account's menu."""
    with _told_in_a_sentence():
        wanted = _wanted()
        api = _parts().wechat_api
        live = fetch_live(api)
        changes = difference(live.menu if live else None, wanted)
        if changes and not dry_run:
            publish(api, wanted)
    if not changes:
        click.echo("Nothing to do: the live menu says the same as menu.yaml.")
    else:
        _print(changes)
        click.echo("Nothing was published: this was a dry run." if dry_run else "Published. " + _until_seen())
    _mention_conditional(live)


@menu_group.command("show")
@click.pass_context
def show_menu(context: click.Context) -> None:
    """Print the live menu and how menu.yaml differs from it; exit with 1 when it does."""
    with _told_in_a_sentence():
        wanted = _wanted()
        live = fetch_live(_parts().wechat_api)
    _print(live.menu.lines() if live else ["No menu is live."])
    _mention_conditional(live)
    changes = difference(live.menu if live else None, wanted)
    click.echo("")
    if not changes:
        click.echo("menu.yaml says the same.")
        return
    click.echo("menu.yaml differs:")
    _print(changes)
    context.exit(1)


def _parts() -> Parts:
    found = current_app.extensions["xinqiao"]
    assert isinstance(found, Parts)
    return found


def _wanted() -> Menu:
    settings = _parts().settings
    return load_menu(settings.xinqiao_content / "wechat" / "menu.yaml", base_url=settings.public_base_url)


def _print(lines: list[str]) -> None:
    for line in lines:
        click.echo(line)


def _until_seen() -> str:
    by = local(utc_now() + timedelta(minutes=5))
    return f"Phones that open the chat show it by about {by:%H:%M}; to see it at once, unfollow and follow again."


def _mention_conditional(live: LiveMenu | None) -> None:
    if live is not None and live.conditional_count:
        click.echo(
            f"{live.conditional_count} conditional menus stand before this one for the followers whom they match; "
            "they were not made here and stay as they are."
        )


@contextmanager
def _told_in_a_sentence() -> Iterator[None]:
    try:
        yield
    except BadMenu as fault:
        sentence = "\n".join(["the menu was not sent:", *(f"  {line}" for line in fault.faults)])
    except WeChatError as error:
        sentence = _explain(error)
    except Unavailable:
        sentence = "the database, which keeps WeChat's token, does not answer."
    except SQLAlchemyError:
        sentence = "the database has no place for WeChat's token: run `flask --app wsgi db upgrade` first."
    else:
        return
    raise _Failed(sentence)


def _explain(error: WeChatError) -> str:
    if isinstance(error, RefusedByWeChat):
        advice = _ADVICE.get(error.errcode, "look the code up in WeChat's table of return codes")
        if error.is_token_call and error.errcode == 40001:
            advice = _WRONG_SECRET
        if error.own_address:
            advice += f" ({error.own_address})"
        support = f"; for Tencent's support: rid {error.rid}" if error.rid else ""
        return f"WeChat refused {error.api} with {error.errcode}: {advice}{support}."
    if isinstance(error, OutcomeUnknown):
        return f"WeChat's answer to {error.api} was lost; it may or may not have been done."
    if isinstance(error, GatewayBroken):
        return f"something answered {error.api} that is not WeChat, or not in time ({error.reason}): try again."
    reason = getattr(error, "reason", "")
    if reason == "leased":
        return "another process is fetching WeChat's token and has not finished: try again in half a minute."
    return f"WeChat cannot be reached ({reason}): see the network and WECHAT_API_BASE."
