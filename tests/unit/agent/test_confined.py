"""A process that reads programs has neither a network nor a place in the kernel to leave something in."""

import subprocess
import sys

CONFINED = """
import ctypes, os, platform, socket, tempfile, threading
from quantum_operator.agent.confined import CALLS, confine

libc = ctypes.CDLL(None, use_errno=True)
assert confine()

def denied(call):
    ctypes.set_errno(0)
    try:
        return call() == -1 and ctypes.get_errno() == 1
    except PermissionError:
        return True

def in_a_child():
    child = os.fork()
    if child == 0:
        os._exit(denied(socket.socket))
    return -(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1)

found = []
thread = threading.Thread(target=lambda: found.append(denied(socket.socket)))
thread.start()
thread.join()
with tempfile.TemporaryFile() as file:
    file.write(b"x")
assert found == [True]
assert in_a_child() == -1
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):
    assert denied(lambda: socket.socket(family, socket.SOCK_RAW))
for call in (lambda: libc.shmget(0, 4096, 0o1600), lambda: libc.msgget(0, 0o1600), lambda: libc.semget(0, 1, 0o1600)):
    assert denied(call)
for number in CALLS[platform.machine()][1]:
    assert denied(lambda: libc.syscall(number, 0, 0, 0, 0)), number
print("confined", flush=True)
if libc.syscall(0x40000000 + CALLS[platform.machine()][1][0], 2, 1, 0) >= 0:
    print("not by another convention")
"""


def test_what_is_given_up_can_t_be_had() -> None:
    """In no thread, child or convention of calls; files, threads and children are there as before."""
    command = [sys.executable, "-P", "-c", CONFINED]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("confined\n", "")
