"""The catalogue of acts: every code that the trail may hold. Its word is `console.action.<code>` in the texts."""

from enum import StrEnum


class Action(StrEnum):
    STAFF_CREATED = "staff.created"
    STAFF_SIGNED_IN = "staff.signed_in"
    POST_GIVEN = "post.given"
    POST_ENDED = "post.ended"
    POST_HANDED_OVER = "post.handed_over"
    DUTY_HOURS_SET = "duty.hours_set"
    ORGANISATION_ADDED = "organisation.added"
    ORGANISATION_RENAMED = "organisation.renamed"
    DEPARTMENT_ADDED = "department.added"
    DEPARTMENT_RENAMED = "department.renamed"
    DEPARTMENT_SWITCHED_ON = "department.switched_on"
    DEPARTMENT_SWITCHED_OFF = "department.switched_off"
    SERVICE_POINT_ADDED = "service_point.added"
    SERVICE_POINT_CHANGED = "service_point.changed"
    SERVICE_POINT_SWITCHED_ON = "service_point.switched_on"
    SERVICE_POINT_SWITCHED_OFF = "service_point.switched_off"
    ENTRY_POINT_MADE = "entry_point.made"
    ENTRY_POINT_REVOKED = "entry_point.revoked"
    ALERT_RAISED = "alert.raised"
    ALERT_ACKNOWLEDGED = "alert.acknowledged"
    ALERT_CLOSED = "alert.closed"
    ALERT_HANDED_OVER = "alert.handed_over"
    CONTACT_LEFT = "contact.left"
    CONTACT_READ = "contact.read"
    TRAIL_LISTED = "trail.listed"  # the acts of others, all of them
    TRAIL_SEARCHED = "trail.searched"  # by colleague, object, act or day
    TRAIL_VERIFY_STARTED = "trail.verify_started"
    TRAIL_VERIFIED = "trail.verified"  # to its end; the reason is `whole` or the fault
