"""The trail of who did what, chained by hash and keyed: rows are added, never changed.

Actors and objects are named by kind and public id only; no words, no names, no numbers of people. Every domain above may
call service.record() with a code of actions.py. trail.py reads acts for accounts, which decide who may follow whom.
The chain's key lies sealed in the database, so that changing DATA_KEYS leaves the chain whole.
"""
