"""What residents do: each answers when the push that follows from it has ended, with the push and its reply."""

from dataclasses import asdict

from flask import Blueprint, request

from server.wechat.sandbox import camera, phone
from server.wechat.sandbox.control import inputs
from server.wechat.sandbox.control.handmade import send_by_hand
from server.wechat.sandbox.control.parsing import Json, error, parse
from server.wechat.sandbox.core import Sandbox
from server.wechat.sandbox.endpoints import mini


def add_routes(blueprint: Blueprint, box: Sandbox) -> None:
    """POST /follow /unfollow /scan /scan/picture /text /click /view /push /mini/login-code /mini/phone-code."""

    @blueprint.post("/follow")
    def follow() -> Json:
        asked = parse(inputs.FollowInput)
        return {"push": phone.follow(box, asked.resident, code=asked.code)}

    @blueprint.post("/unfollow")
    def unfollow() -> Json:
        return {"push": phone.unfollow(box, parse(inputs.WhoInput).resident)}

    @blueprint.post("/scan")
    def scan() -> Json:
        asked = parse(inputs.ScanInput)
        content = asked.code
        if not content:
            with box.store.read() as state:
                content = phone.get_ticket(state, asked.ticket or asked.scene, box.now(state)).ticket
        return asdict(phone.scan(box, asked.resident, content, is_following_at_once=asked.follow))

    @blueprint.post("/scan/picture")
    def scan_picture() -> Json | tuple[Json, int]:
        """The multipart field `picture`; its codes are only read: the phone asks which one is meant."""
        file = request.files.get("picture")
        try:
            codes = camera.read_codes(file.read() if file is not None else b"")
        except camera.NoPictureError:
            return error("no_picture", "The field `picture` holds no picture."), 422
        if not codes:
            return error("no_code", "There is no QR code in this picture."), 422
        return {"codes": codes}

    @blueprint.post("/text")
    def text() -> Json:
        asked = parse(inputs.TextInput)
        entry, push = phone.write(
            box, asked.resident, asked.content, menu_item=asked.menu_item, client_ref=asked.client_ref
        )
        return {"entry": entry, "push": push}

    @blueprint.post("/click")
    def click() -> Json:
        asked = parse(inputs.ClickInput)
        return {"push": phone.click(box, asked.resident, asked.key)}

    @blueprint.post("/view")
    def view() -> Json:
        asked = parse(inputs.ViewInput)
        return {"push": phone.view(box, asked.resident, asked.url), "opened": asked.url}

    @blueprint.post("/push")
    def push_by_hand() -> Json:
        return {"push": send_by_hand(box, parse(inputs.PushInput))}

    @blueprint.post("/mini/login-code")
    def login_code() -> Json:
        """What `wx.login` gives to the mini program of this resident."""
        asked = parse(inputs.WhoInput)
        with box.store.change() as state:
            return {"code": mini.mint(box, state, phone.find_resident(state, asked.resident), mini.LOGIN).code}

    @blueprint.post("/mini/phone-code")
    def phone_code() -> Json:
        """What a tap on the button that gives the number hands over."""
        asked = parse(inputs.PhoneCodeInput)
        with box.store.change() as state:
            resident = phone.find_resident(state, asked.resident)
            return {"code": mini.mint(box, state, resident, mini.PHONE, phone=asked.phone).code}
