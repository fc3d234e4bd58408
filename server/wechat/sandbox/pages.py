"""The phone in the browser: its page, its texts, and the pictures of news cards."""

from urllib.parse import urlsplit

import requests
from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from server.wechat.sandbox.core import Sandbox
from server.wechat.sandbox.texts import texts

PICTURE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
MAX_PICTURE_BYTES = 2_000_000
PICTURE_SECONDS = 5
LOOPBACK = {"localhost", "127.0.0.1"}


def content_security_policy(box: Sandbox) -> str:
    """Own scripts and styles only; the one foreign thing is the H5 site inside the phone's browser, where WeChat's own
    log-in page may stand too."""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        f"frame-src 'self' {box.settings.web_origin}; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
    )


def pages_blueprint(box: Sandbox) -> Blueprint:
    """/phone and what belongs to it."""
    blueprint = Blueprint(
        "phone", __name__, template_folder="templates", static_folder="static", static_url_path="/phone/static"
    )

    @blueprint.get("/")
    def start() -> BaseResponse:
        return redirect(url_for("phone.show"))

    @blueprint.get("/phone")
    def show() -> str | BaseResponse:
        here, web = urlsplit(request.url), urlsplit(box.settings.web_base)
        if here.hostname != web.hostname and {here.hostname, web.hostname} <= LOOPBACK:
            # Two names of this machine are two sites to a browser, and the pages in the frame would lose their cookies.
            return redirect(here._replace(netloc=f"{web.hostname}:{here.port or 80}").geturl())
        with box.store.read() as state:
            residents = list(state.residents.values())
        return render_template("phone.html", account=texts()["account"], residents=residents, settings=box.settings)

    @blueprint.get("/phone/texts.json")
    def page_texts() -> dict[str, object]:
        return {key: texts()[key] for key in ("account", "page", "errors")}

    @blueprint.get("/phone/picture")
    def picture() -> Response:
        """As WeChat does, the picture of a card is fetched by the platform, not by the phone; only from the H5 site."""
        url = request.args.get("url", "")
        if not url.startswith(box.settings.web_origin + "/"):
            raise NotFound
        with requests.Session() as session:
            session.trust_env = False
            try:
                with session.get(url, timeout=PICTURE_SECONDS, allow_redirects=False, stream=True) as found:
                    kind = found.headers.get("Content-Type", "").partition(";")[0].strip().lower()
                    if found.status_code != 200 or kind not in PICTURE_TYPES:
                        raise NotFound
                    body = next(found.iter_content(MAX_PICTURE_BYTES + 1), b"")
            except requests.RequestException:
                raise NotFound from None
        if len(body) > MAX_PICTURE_BYTES:
            raise NotFound
        return Response(body, content_type=kind, headers={"Cache-Control": "max-age=300"})

    return blueprint
