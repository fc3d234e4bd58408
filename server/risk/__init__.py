"""The scanner: a text goes in, a grade comes out, with the places that speak for it and the version of the rules.

Owns the lexicon's grammar and the way from words to a grade; the words themselves are data (content/risk/). It knows no
letter and no person, stores nothing and logs nothing, so that whoever calls it (chat, mailbox, the command line) decides
what becomes of a grade. A grade orders the human queue; it never refuses, hides or delays anything. Callers use service.py.
"""
