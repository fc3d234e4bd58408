"""Alerts, contact requests and duty hours: what turns a danger sign into a person who calls.

A domain that hears a danger sign calls service.raise_alert() in the transaction that stores the sign. An alert names its
source by kind and public id and never holds a foreign key to it. Whoever can be reached rings; whoever cannot stands in a
lane of their own and is silent until they ask to be called.
"""
