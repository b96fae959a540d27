"""Runs a command on a terminal of its own: on-terminal.py COLUMNS COMMAND...

What the command writes to the terminal goes to stdout, as it is. Each line on stdin is a new number of columns, or bytes in hex to be typed.
"""
import fcntl
import os
import pty
import select
import struct
import sys
import termios


def resize(fd, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def obey(fd, line):
    if line.startswith(b"hex "):
        os.write(fd, bytes.fromhex(line[4:].decode()))
    else:
        resize(fd, int(line))


def main():
    start, go = os.pipe()
    pid, fd = pty.fork()
    if pid == 0:
        # Set the size before the program looks at it.
        os.read(start, 1)
        os.execvp(sys.argv[2], sys.argv[2:])
    resize(fd, int(sys.argv[1]))
    os.write(go, b"x")
    inputs = [fd, 0]
    while True:
        ready, _, _ = select.select(inputs, [], [])
        if 0 in ready:
            text = os.read(0, 4096)
            if not text:
                inputs.remove(0)
            for line in text.splitlines():
                obey(fd, line)
        if fd in ready:
            try:
                data = os.read(fd, 65536)
            except OSError:
                break
            if not data:
                break
            os.write(1, data)
    status = os.waitpid(pid, 0)[1]
    sys.exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


main()
