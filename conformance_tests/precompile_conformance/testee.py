"""A testee: its process, asked one thing at a time, ended when it crashes, hangs or babbles."""

import os
import selectors
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from precompile.conformance.v1 import testee_pb2
from precompile_conformance.messages import (
    LENGTH,
    GarbledError,
    message_size,
    packed,
    parse,
)

PROTOCOL = 2
_STDERR_SHOWN = 2000
_CHUNK = 1 << 16


class TesteeError(Exception):
    """The testee did not answer as the protocol has it."""


class CrashedError(TesteeError):
    """It ended instead of answering."""


class HungError(TesteeError):
    """It did not answer in time."""


class BabbledError(TesteeError):
    """It answered something that is no answer to the request."""


class StartError(Exception):
    """The command cannot be run at all: the harness's fault, or its caller's."""


class Process(Protocol):
    """What is asked of a testee's process, as subprocess has it."""

    pid: int

    @property
    def stdin(self) -> IO[bytes] | None: ...

    @property
    def stdout(self) -> IO[bytes] | None: ...

    def wait(self, timeout: float | None = None) -> int: ...


class Testee:
    """One process of an implementation under test; started when first asked."""

    def __init__(self, command: Sequence[str], *, seconds: float = 60.0) -> None:
        """`seconds` is how long one answer may take."""
        self.command = tuple(command)
        self._seconds = seconds
        self._process: Process | None = None
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        self._buffer = bytearray()
        self._last_id = 0
        self._said_before = 0
        self._inputs = tempfile.TemporaryDirectory(prefix="input-")
        self._places = 0

    def hello(self) -> testee_pb2.HelloResponse:
        """Who it is.

        Raises:
            TesteeError: it does not say, or speaks another version of the protocol.
        """
        request = testee_pb2.Request(hello=testee_pb2.HelloRequest(protocol=PROTOCOL))
        try:
            response = self._ask(request)
            if fault := _hello_fault(response):
                raise BabbledError(fault)
        except TesteeError as error:
            self.stop()
            raise type(error)(f"{shlex.join(self.command)}, at hello: {error}") from None
        return response.hello

    def ask(self, request: testee_pb2.Request) -> testee_pb2.Response:
        """The answer to the request, whose id is set here. Starts the process where it is not.

        Raises:
            TesteeError: there is none; the process was ended.
            StartError: the command cannot be run.
        """
        if self._process is None:
            self.hello()
        return self._ask(request)

    @contextmanager
    def place(self) -> Iterator[Path]:
        """A path for one request, with which names of files begin; no request has had it before.

        They are taken away at the end, and all else that lies beside them. A folder for each
        request would take longer than most answers.
        """
        folder = Path(self._inputs.name)
        self._places += 1
        try:
            yield folder / str(self._places)
        finally:
            for path in folder.iterdir():
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()

    def _ask(self, request: testee_pb2.Request) -> testee_pb2.Response:
        self._start()
        self._said_before = os.fstat(self._stderr.fileno()).st_size
        self._last_id += 1
        asked = testee_pb2.Request()
        asked.CopyFrom(request)
        asked.id = self._last_id
        try:
            data = self._exchange(packed(asked), time.monotonic() + self._seconds)
            response = testee_pb2.Response()
            parse(data, response)
            if response.id != asked.id:
                raise BabbledError(f"request {asked.id} got an answer to request {response.id}")
            if self._buffer:
                raise BabbledError(f"{len(self._buffer)} bytes more than one answer")
        except GarbledError as error:
            self.stop()
            raise BabbledError(str(error)) from None
        except TesteeError:
            self.stop()
            raise
        return response

    def _start(self) -> None:
        if self._process is not None:
            return
        self._buffer.clear()
        self._stderr.seek(0)
        self._stderr.truncate()
        try:
            self._process = self._begin()
        except OSError as error:
            raise StartError(f"{self.command[0]}: {error.strerror}") from error
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)

    def _begin(self) -> Process:
        """Start it, in a session of its own."""
        return subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            start_new_session=True,
        )

    def _exchange(self, request: bytes, deadline: float) -> bytes:
        """Write the request and read one message, at once: neither side may block the other."""
        assert self._process is not None
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        unsent = memoryview(request)
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            selector.register(stdin, selectors.EVENT_WRITE)
            while True:
                if (left := deadline - time.monotonic()) <= 0:
                    raise HungError(f"no answer within {self._seconds:g} seconds")
                for key, _ in selector.select(left):
                    if key.fileobj is stdin:
                        unsent = unsent[self._write(stdin.fileno(), unsent) :]
                        if not unsent:
                            selector.unregister(stdin)
                    elif not self._read(stdout.fileno()):
                        raise CrashedError(self._obituary())
                size = message_size(self._buffer)
                if size is not None and len(self._buffer) >= size:
                    data = bytes(self._buffer[LENGTH.size : size])
                    del self._buffer[:size]
                    return data

    def _write(self, fd: int, data: memoryview) -> int:
        try:
            return os.write(fd, data[:_CHUNK])
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            return len(data)  # it has no ears; what it says, or how it ends, is still to come

    def _read(self, fd: int) -> bool:
        """Take in what there is; whether the pipe is still open."""
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return True
        self._buffer += data
        return bool(data)

    def _obituary(self) -> str:
        assert self._process is not None
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "it closed its output and runs on"
        self._stderr.seek(self._said_before)
        text = self._stderr.read().decode(errors="replace")[-_STDERR_SHOWN:].strip()
        how = f"exit status {status}" if status >= 0 else f"signal {-status}"
        left = bytes(self._buffer)
        if LENGTH.size <= len(left):
            how += f", {len(left)} bytes into its answer"
        elif left:
            how += f", and its output {left!r} is no message"
        return f"it ended with {how}" + (f":\n{text}" if text else "")

    def stop(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()
        try:
            process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # what it started, too
            process.wait()

    def close(self) -> None:
        """End the process and let go of everything."""
        self.stop()
        self._stderr.close()
        self._inputs.cleanup()


def _hello_fault(response: testee_pb2.Response) -> str:
    """Why an answer says not who the testee is, or that it is none that can be judged."""
    if response.WhichOneof("response") != "hello":
        return "the first answer is no HelloResponse"
    hello = response.hello
    if not hello.name:
        return "no HelloResponse: what came names no implementation (does it repeat the request?)"
    spoken = hello.protocol or 1
    if spoken == PROTOCOL:
        return ""
    if spoken < PROTOCOL:
        advice = "make its code anew from this suite's proto/, and set HelloResponse.protocol"
    else:
        advice = "take the suite that the testee was made for"
    return f"the testee speaks protocol {spoken}, this suite {PROTOCOL}: {advice}"
