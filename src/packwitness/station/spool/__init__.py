"""What the station keeps until the hub has answered with a receipt: parts on disk, and the ledger that
knows them.

Invariants, numbered steps and crash recovery are in ``docs/design/recording.md``; they are referred to by
number here.
"""
