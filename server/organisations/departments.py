"""Use cases of departments, the lines across the tree: list, add, rename, switch off and on.

One that is off is no longer offered; posts and records that name it keep it.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.audit import service as audit
from server.audit.actions import Action
from server.errors import Conflict, NotFound
from server.ids import new_public_id
from server.organisations.models import Department
from server.organisations.tree import check_code
from server.pagination import Asked, Listing, Page

LONGEST_NAME = 40

LISTING = Listing("departments", {"code": Department.code, "name": Department.name}, Department.id, default="code")


class DepartmentCodeTaken(Conflict):
    code = "organisations.department_code_taken"


def list_departments(session: Session, *, asked: Asked) -> Page[Department]:
    page = LISTING.page(session, sa.select(Department), asked)
    return page.of([department for (department,) in page.rows])


def get_department(session: Session, public_id: str) -> Department:
    """Raises NotFound."""
    found = session.scalar(sa.select(Department).where(Department.public_id == public_id))
    if found is None:
        raise NotFound(department=public_id)
    return found


def add_department(session: Session, *, code: str, name: str, actor: tuple[str, str], now: datetime) -> Department:
    """Raises BadCode, DepartmentCodeTaken."""
    check_code(code)
    department = Department(public_id=new_public_id(), code=code, name=name, is_active=True)
    try:
        with session.begin_nested():
            session.add(department)
    except IntegrityError:
        raise DepartmentCodeTaken(code=code) from None
    _record(session, Action.DEPARTMENT_ADDED, department, actor, now)
    return department


def rename_department(
    session: Session, *, department: Department, name: str, actor: tuple[str, str], now: datetime
) -> None:
    if department.name == name:
        return
    department.name = name
    _record(session, Action.DEPARTMENT_RENAMED, department, actor, now)
    session.flush()


def switch_department(
    session: Session, *, department: Department, is_active: bool, actor: tuple[str, str], now: datetime
) -> None:
    """Repeatable: only what changes is an act."""
    changed = session.execute(
        sa.update(Department)
        .where(Department.id == department.id, Department.is_active.is_(not is_active))
        .values(is_active=is_active)
    )
    if getattr(changed, "rowcount", 0):
        _record(
            session,
            Action.DEPARTMENT_SWITCHED_ON if is_active else Action.DEPARTMENT_SWITCHED_OFF,
            department,
            actor,
            now,
        )


def _record(session: Session, action: Action, department: Department, actor: tuple[str, str], now: datetime) -> None:
    audit.record(session, actor=actor, action=action, object_kind="department", object_id=department.public_id, now=now)
