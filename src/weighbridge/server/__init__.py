"""The HTTP service (the extra ``serve``): the page and the answers of :mod:`weighbridge.answer`, bounded and measured.

One process takes requests (:mod:`~weighbridge.server.app`) and computes nothing; worker processes answer
(:mod:`~weighbridge.server.worker`), in a quick lane and a slow one (:mod:`~weighbridge.server.lanes`).
"""
