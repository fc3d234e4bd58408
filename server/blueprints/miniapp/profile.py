"""What a signed-in resident sees of themselves: devices, and a number that they gave."""

from apiflask import APIBlueprint
from flask import Response, make_response
from sqlalchemy.orm import Session

from server.accounts import api_tokens, phone_numbers
from server.accounts.phone_numbers import PhoneShown
from server.blueprints.miniapp import examples
from server.blueprints.miniapp.access import caller, signed_in
from server.blueprints.miniapp.caching import public
from server.blueprints.miniapp.idempotency import IdempotencyKey, once_over_network
from server.blueprints.miniapp.marks import public_content, refuses
from server.blueprints.miniapp.responses import ConsentChanged
from server.blueprints.miniapp.schemas import ConsentOut, DeviceOut, DevicesOut, PhoneIn, PhoneOut, ProfileOut
from server.blueprints.requests import parts
from server.clock import utc_now

bp = APIBlueprint("profile", __name__, tag="Profile", url_prefix="")


@bp.get("/me")
@signed_in
@bp.output(ProfileOut, example=examples.PROFILE)
def show_profile() -> ProfileOut:
    """Who is signed in"""
    who = caller()
    phone = parts().database.read(lambda session: phone_numbers.find_phone(session, caller=who))
    return ProfileOut(
        id=who.resident_public_id,
        since=who.since,
        device_id=who.device_public_id,
        phone=_phone_out(phone) if phone else None,
    )


@bp.get("/me/devices")
@signed_in
@bp.output(DevicesOut, example={"devices": [examples.DEVICE]})
def list_devices() -> DevicesOut:
    """Where this resident is signed in"""
    who = caller()
    devices = parts().database.read(lambda session: api_tokens.list_devices(session, caller=who))
    return DevicesOut(
        devices=[
            DeviceOut(
                id=one.public_id,
                label=one.label,
                created_on=one.created_on,
                last_used_on=one.last_used_on,
                is_this_one=one.public_id == who.device_public_id,
            )
            for one in devices
        ]
    )


@bp.delete("/me/devices/<device_id>")
@signed_in
@bp.output({}, status_code=204)
def end_device(device_id: str) -> Response:
    """Sign one of the own devices out, at once"""
    who = caller()
    parts().database.write(
        lambda session: api_tokens.sign_out(session, caller=who, device_public_id=device_id, now=utc_now())
    )
    return make_response("", 204)


# --- the number ---------------------------------------------------------------------------------------------------------


@bp.get("/consents/phone")
@bp.output(ConsentOut, example=examples.CONSENT)
@public_content
def show_phone_consent() -> Response:
    """What a person agrees to who gives their number"""
    return public(ConsentOut(version=parts().phone_consent.version, html=parts().phone_consent.html))


@bp.put("/me/phone")
@signed_in
@bp.input(PhoneIn, example=examples.PHONE_GIVEN)
@bp.input(IdempotencyKey, location="headers")
@bp.output(PhoneOut, example=examples.PHONE)
@refuses(409)
def give_phone(json_data: PhoneIn, headers_data: IdempotencyKey) -> Response:
    """Give the own number, by a tap and a yes to the text

    Nothing asks for it, and nothing works less without it.
    """
    if json_data.consent_version != parts().phone_consent.version:
        raise ConsentChanged

    def keep(session: Session, phone: str) -> PhoneOut:
        return _phone_out(
            phone_numbers.keep_phone(
                session, caller=caller(), phone=phone, consent_version=json_data.consent_version, now=utc_now()
            )
        )

    fetch = parts().mini_program.read_phone
    return once_over_network(caller().resident_public_id, headers_data, lambda: fetch(json_data.code), keep)


@bp.delete("/me/phone")
@signed_in
@bp.output({}, status_code=204)
def take_phone_back() -> Response:
    """Take the number back"""
    who = caller()
    parts().database.write(lambda session: phone_numbers.forget_phone(session, caller=who, now=utc_now()))
    return make_response("", 204)


def _phone_out(phone: PhoneShown) -> PhoneOut:
    return PhoneOut(ending=phone.ending, consent_version=phone.consent_version, given_on=phone.given_on)
