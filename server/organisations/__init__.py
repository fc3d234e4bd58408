"""The tree 区-镇街-村居 and its entry points: what a QR code on a wall leads to.

Owns organisations, entry points and their daily counts. A door and its target are kept as codes; the domain that stands
behind a door checks and names the target (see doors.py). Everybody above may call service.py,
and picking.py for a form that asks where.
"""
