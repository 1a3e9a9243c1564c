"""Become another program whose life is bound to the parent's: launch.py PARENT SIGNAL UID GID PROGRAM ARGUMENT...

A program of its own, because code between fork and exec is unsafe in a parent with threads. It needs nothing but the
standard library, so that it starts in 20 ms. Linux sends SIGNAL when the parent is gone, however it went; elsewhere
the watchdog does.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
SAME_USER = -1


def main() -> None:
    """Drop rights, bind the life, become the program."""
    parent, death_signal, uid, gid = (int(word) for word in sys.argv[1:5])
    program = sys.argv[5:]
    if uid != SAME_USER:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After the change of user: the kernel forgets the signal when the user changes.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent ended before this program began")
    os.execv(program[0], program)  # noqa: S606 - becoming the program that the stack named is the purpose


if __name__ == "__main__":
    main()
