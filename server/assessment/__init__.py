"""Instruments, responses and results. A score is right or it is not shown; a danger sign speaks at the answer.

Owns definitions (definition.py, loader.py: data from content/instruments/), scoring (scoring.py: pure) and responses. An
anonymous response holds no resident, no time of day and no order of arrival; its unguessable token is its only key.
Edges call service.py.
"""
