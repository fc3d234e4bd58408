"""The tree 区-镇街-村居, its departments, service points and entry points: what a QR code on a wall leads to.

Owns organisations, departments, service points, entry points and their daily counts. A door and its target are kept as
codes; the domain that stands behind a door checks and names the target (see doors.py). Everybody above may
call service.py, and picking.py for a form that asks where; the console's use cases are in tree.py, departments.py,
service_points.py and codes.py; hours.py reads and says hours for all, in_sight.py tells pages that ask no store whether
there is a place to walk into.
"""
