"""Setting up an authenticator: what the page after the password and the one of one's own account share."""

import base64
import io
from functools import partial

from flask import Response, g, make_response, render_template
from qrcode.constants import ERROR_CORRECT_M
from qrcode.main import QRCode

from server.accounts import second_factor, sessions
from server.accounts.throttle import TooManyTries
from server.blueprints.console import store
from server.blueprints.console.cookies import brought, hand_over
from server.blueprints.errors import sentence_of, status_of
from server.blueprints.requests import form
from server.clock import utc_now
from server.texts import text


def begin(base: str) -> Response:
    """A page with a new secret. Its form goes to `base`/confirm."""
    return _page(base, store.write(partial(sessions.begin_enrolment, by=g.signed_in)))


def confirm(base: str) -> Response:
    """The codes on paper after the first code; after a wrong one the same secret again, for it is scanned already."""
    work = partial(sessions.enrol, by=g.signed_in, code=form("code", 40), before=brought(), now=utc_now())
    try:
        tokens, codes = store.write_counting(work, what=second_factor.THROTTLED, key=g.staff.public_id)
    except (second_factor.WrongCode, TooManyTries) as refusal:
        shown = partial(second_factor.get_shown_secret, who=g.staff, session_public_id=g.signed_in.session_public_id)
        return _page(base, store.read(shown), sentence_of(refusal), status_of(refusal))
    return hand_over(tokens, codes_page(codes))


def codes_page(codes: list[str]) -> str:
    return render_template("console/recovery_codes.html", codes=codes)


def draw(content: str) -> str:
    """A QR code as an address that an <img> takes."""
    code = QRCode(error_correction=ERROR_CORRECT_M, box_size=5, border=4)
    code.add_data(content)
    file = io.BytesIO()
    code.make_image().save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _page(base: str, secret: str, notice: str = "", status: int = 200) -> Response:
    address = second_factor.address_of(secret, account=g.staff.display_name, issuer=text("signin.issuer"))
    spoken = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    page = render_template("console/enrol.html", base=base, picture=draw(address), secret=spoken, notice=notice)
    return make_response(page, status)
