"""Every table of the application, for Alembic and for the test that head equals the models."""

from server.accounts import api_models as api
from server.accounts import models as accounts
from server.accounts import staff_models as staff
from server.assessment import models as assessment
from server.audit import models as audit
from server.crisis import models as crisis
from server.db import Base
from server.jobs import Heartbeat
from server.kept_answers import KeptAnswer
from server.organisations import models as organisations
from server.wechat import models as wechat

__all__ = ["METADATA"]
# Importing a module of models registers its tables.
_REGISTERED = (accounts, api, staff, assessment, audit, crisis, Heartbeat, KeptAnswer, organisations, wechat)
METADATA = Base.metadata
