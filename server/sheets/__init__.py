"""Sheets as people keep them: read what a clerk typed into Excel, write what Excel shows and never computes.

Pure: bytes and rows in, rows and bytes out. columns.py says what a sheet holds, cells.py reads one cell, reading.py a whole
file after package.py has looked it over, writing.py writes lists, templates and sheets of faults, importing.py is what a
domain fills in to be imported into. No domain is imported.
"""
