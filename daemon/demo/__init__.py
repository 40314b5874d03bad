"""`orgsync demo`: the real daemon between two emulated orgs, watched, killed, and judged by somebody who is not it.

`oracle`, `expected` and `caller` judge: they know Zoho's public API and their own table of fields, and nothing of the
product. `scene`, `writer`, `crash`, `watch` and `screen` are the stage; `story` tells it.
"""
