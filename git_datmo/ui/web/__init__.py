"""The pages: what a project holds, in a browser on this machine. Nothing here writes.

`server` opens the port and the one way in, `guard` turns away whoever did not come that way,
`app` knows the addresses. A page is a function from a request to a response: it reads the address
(`address`), asks verbs of the api for values (`desk`), and fills a template (`answers`).
"""
