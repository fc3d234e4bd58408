"""Acts that no other test looks at: each stands in the trail, once, with its object."""

from datetime import timedelta

from server.accounts import posts
from server.accounts.policy import Role
from server.accounts.posts import Wanted
from server.accounts.staff_models import StaffMember
from server.clock import local_day
from tests.blueprints.staff import Colleague
from tests.canaries import PHONE
from tests.conftest import NOW


def test_an_alert_that_was_closed_keeps_how_it_ended(app, world):
    world.hire("duty1")
    officer = Colleague(app).sign_in("duty1")
    alert = world.raise_alert(number=PHONE)
    officer.post(f"/console/duty/alerts/{alert}/acknowledge")
    for _ in range(2):
        officer.post(f"/console/duty/alerts/{alert}/close", outcome="reached")

    assert [(act.object_id, act.reason) for act in world.acts("alert.closed")] == [(alert, "reached")]


def test_a_number_that_was_left_is_an_act_without_the_number(app, world):
    alert = world.raise_alert(number=PHONE)
    [act] = world.acts("contact.left")

    assert (act.object_kind, act.object_id, act.reason) == ("alert", alert, "-")


def test_duty_hours_set_at_the_command_line_are_an_act(app, world):
    done = app.test_cli_runner().invoke(args=["duty", "set", "mon-fri 8:30-17:30"])

    assert done.exit_code == 0, done.output
    assert [act.object_id for act in world.acts("duty.hours_set")] == [world.root.public_id]


def test_a_post_that_ran_out_is_handed_over_once(world):
    world.hire("leaver", role=Role.CLERK)

    def end(session):
        member = session.query(StaffMember).filter_by(login_name="leaver").one()
        wanted = Wanted(Role.EDITOR, world.root, starts_on=local_day(NOW) - timedelta(days=9), ends_on=local_day(NOW))
        return posts.give_post(session, member=member, wanted=wanted, by=None, now=NOW).public_id

    post = world.parts.database.write(end)
    for _ in range(2):
        world.parts.database.write(lambda session: posts.hand_over_ended(session, domains=[], now=NOW))

    assert [act.object_id for act in world.acts("post.handed_over")] == [post]
