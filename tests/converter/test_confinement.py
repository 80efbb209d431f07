"""What a converter that a film has taken over cannot reach, where the kernel has Landlock."""

import json
import subprocess
import sys

PROGRAM = """
import ctypes, json, os, sys
from packwitness.converter.confinement import confine
libc = ctypes.CDLL(None, use_errno=True)

class Piece(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))

def peeks():
    here = ctypes.create_string_buffer(8)
    far = Piece(int(sys.argv[2], 16), 8)
    near = Piece(ctypes.addressof(here), 8)
    return libc.process_vm_readv(int(sys.argv[1]), ctypes.byref(near), 1, ctypes.byref(far), 1, 0) == 8

def able(act):
    try:
        return act() is not False
    except OSError:
        return False

def reach():
    return {
        "memory": able(peeks),
        "file": able(lambda: open("/etc/passwd").close()),
        "signal": able(lambda: os.kill(int(sys.argv[1]), 0)),
        "program": able(lambda: os.posix_spawn("/bin/true", ["true"], {})),
    }

before = reach()
print(json.dumps([before, confine(), reach()]))
"""
VICTIM = """
import ctypes, sys
secret = ctypes.create_string_buffer(b"a secret")
print(hex(ctypes.addressof(secret)), flush=True)
sys.stdin.read()
"""


def test_it_reaches_no_file_and_no_other_process() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", VICTIM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as victim:
        assert victim.stdout is not None
        where = victim.stdout.readline().strip()
        told = subprocess.check_output([sys.executable, "-c", PROGRAM, str(victim.pid), where], text=True)
        victim.communicate()
    before, confined, after = json.loads(told)
    assert (before["file"], before["signal"], before["program"]) == (True, True, True)
    # Signals are kept in from Linux 6.12 on. A kernel without Landlock changes nothing, and says so.
    assert {**after, "signal": False} == (
        dict.fromkeys(after, False) if confined else {**before, "signal": False}
    )
