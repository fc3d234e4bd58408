"""What an account may learn of a follower: no name and no picture since 2021-12-27 (wechat doc: user/info)."""

from server.wechat.sandbox.api import CERTIFIED, Answer, Call, Endpoint
from server.wechat.sandbox.errors import ApiError

MOST_AT_ONCE = 100


def info(call: Call) -> Answer:
    """`subscribe` 0 and the openid for somebody who left, 40003 for somebody who was never here."""
    return _of(call, call.query.get("openid", ""))


def batchget(call: Call) -> Answer:
    """Up to 100 at once; one that is wrong spoils the whole call."""
    asked = call.json.get("user_list")
    if not isinstance(asked, list) or not asked or not all(isinstance(one, dict) for one in asked):
        raise ApiError(47001)
    if len(asked) > MOST_AT_ONCE:
        raise ApiError(40032)
    return {"user_info_list": [_of(call, str(one.get("openid", ""))) for one in asked]}


def _of(call: Call, openid: str) -> dict[str, object]:
    resident = call.state.residents.get(openid)
    if resident is None or (resident.followed_at is None):
        raise ApiError(40003)
    if not resident.is_follower:
        return {"subscribe": 0, "openid": resident.openid}
    union = {"unionid": call.box.union_id_of(resident)} if call.state.is_bound else {}
    scene_id = int(resident.qr_scene) if resident.qr_scene and not resident.qr_scene_is_text else 0
    return {
        "subscribe": 1,
        "openid": resident.openid,
        "language": "",
        "subscribe_time": int(resident.followed_at),
        "remark": "",
        "groupid": 0,
        "tagid_list": [],
        "subscribe_scene": resident.follow_scene,
        "qr_scene": scene_id,
        "qr_scene_str": resident.qr_scene if resident.qr_scene_is_text else "",
        **union,
    }


ENDPOINTS = (
    Endpoint("/cgi-bin/user/info", "GET", info, daily=5_000_000, kinds=CERTIFIED),
    Endpoint("/cgi-bin/user/info/batchget", "POST", batchget, daily=500_000, kinds=CERTIFIED),
)
