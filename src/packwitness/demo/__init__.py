"""A whole shop on one machine: a hub, a station, a drawn bench and a mailbox, put together by their own
commands.
"""
