"""Who people are: residents with their WeChat identities, staff with their posts and sessions, and what a post may do.

An openid enters here and leaves as a resident; nothing above stores one. Nothing here knows an answer or a letter, and no
table of an anonymous door points here.
"""
