"""Faults on demand: what goes wrong, where, and how many times.

A fault is taken by the first call or push that it fits, and leaves when its count is used up.
"""

from dataclasses import replace

from server.wechat.sandbox.state import Fault, State

# Met by a call of the API. The first two answer instead of working, as a gateway would. `revoke_token` kills every
# token just before the call is looked at. The others let the work be done and then spoil the answer.
INSTEAD_OF_WORK = ("errcode", "http_502")
BEFORE_WORK = ("revoke_token",)
AFTER_WORK = ("truncated", "delay", "drop", "no_expires_in")
API_KINDS = (*INSTEAD_OF_WORK, *BEFORE_WORK, *AFTER_WORK)

# Met by a push: deliver it again although it was answered; lose the answer, so that it is sent again; come late.
PUSH_DUPLICATE = "push_duplicate"
PUSH_LOSE_ANSWER = "push_lose_answer"
PUSH_DELAY = "push_delay"
PUSH_KINDS = (PUSH_DUPLICATE, PUSH_LOSE_ANSWER, PUSH_DELAY)

ANY_PATH = "*"


def add(state: State, fault: Fault) -> Fault:
    state.faults.append(fault)
    return fault


def take(state: State, kinds: tuple[str, ...], path: str) -> Fault | None:
    """The oldest fault that fits, its count lowered by one; None when all is well. `path` of a push is its name."""
    for place, fault in enumerate(state.faults):
        if fault.kind in kinds and fault.path in (ANY_PATH, path):
            if fault.left is not None:
                if fault.left <= 1:
                    del state.faults[place]
                else:
                    state.faults[place] = replace(fault, left=fault.left - 1)
            return fault
    return None
