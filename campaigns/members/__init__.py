"""Members, contacts (a tree), postings, applications, logins, seekers, suppressions, consent and WeChat reach.

`load` takes records in, `find` reads members and audiences, `facts` puts together what is known of many at once,
`consent` holds refusals, suppressions and what a follower lets us send.
"""
