"""The whole API against its own document: whatever is sent, right or wrong, is answered as the document says."""

from dataclasses import replace

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from server.blueprints.miniapp.document import document
from tests.api.conftest import Phone
from tests.wechat.helpers_client import running_sandbox

SECRET = "secret-of-the-mini-program"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def wechat():
    with running_sandbox(mini_program_ids=("wxmini",), mini_program_secret=SECRET) as peer:
        yield peer


@pytest.fixture
def api(app, world, wechat):
    """The application with a mini program, its limits at zero."""
    parts = app.extensions["xinqiao"]
    changed = {"wechat_mp_app_id": "wxmini", "wechat_mp_secret": SECRET, "wechat_api_base": wechat.url}
    app.extensions["xinqiao"] = replace(parts, settings=parts.settings.model_copy(update=changed))
    limiter = app.extensions["xinqiao_limiter"]
    limiter.enabled = False
    schema = schemathesis.openapi.from_dict(document(app))
    schema.app = app
    yield schema
    limiter.enabled = True


@pytest.fixture
def phone(app, api, wechat) -> Phone:
    """Signed in, with a response begun."""
    phone = Phone(app)
    code = wechat.arrange("/mini/login-code", resident="chen-jing")["code"]
    phone.access = phone.post("/auth/wechat", {"code": code}).json["access_token"]
    phone.begin()
    return phone


@pytest.mark.parametrize("mode", GenerationMode)
def test_every_operation_answers_as_the_document_says(api, phone, mode):
    headers = {"Authorization": f"Bearer {phone.access}", "X-Response-Token": phone.token}
    operations = [found.ok() for found in api.get_all_operations()]
    assert len(operations) > 20
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and not (list(operation.body) or list(operation.query)):
            continue  # any text is an id, and any header may be missing: there is nothing that could be wrong

        @settings(
            max_examples=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case):
            response = case.call(base_url="http://localhost", headers=headers)
            case.validate_response(response, checks=CHECKS)

        ask()
