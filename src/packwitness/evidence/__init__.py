"""What proves a film: canonical form, chains, statements, log, time stamps, bundle and the verifier.

Pure: bytes in, verdict out. Nothing here reads the clock or the network, and only ``bundle`` and ``command``
open files. The contract is ``docs/design/evidence.md``.
"""
