"""What an account may learn of a follower: no name and no picture since 2021-12-27 (wechat doc: user/info)."""

from server.wechat.sandbox.api import CERTIFIED, Answer, Call, Endpoint
from server.wechat.sandbox.errors import ApiError


def info(call: Call) -> Answer:
    """`subscribe` 0 and the openid for somebody who left, 40003 for somebody who was never here."""
    resident = call.state.residents.get(call.query.get("openid", ""))
    if resident is None or (resident.followed_at is None):
        raise ApiError(40003)
    if not resident.is_follower:
        return {"subscribe": 0, "openid": resident.openid}
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
    }


ENDPOINTS = (Endpoint("/cgi-bin/user/info", "GET", info, daily=5_000_000, kinds=CERTIFIED),)
