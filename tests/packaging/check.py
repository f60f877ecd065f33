"""A bare Debian gets the server as `docs/operating.md` and the Dockerfile say, and it works there.

A folder made by debootstrap stands for the machine: nothing but Debian's smallest system is in it. Commands run in it as the
guide has them; of systemd there is a stand-in that reads the unit.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from receiver import Receiver

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs/operating.md"
DOCKERFILE = ROOT / "deploy/docker/Dockerfile"
API = "http://127.0.0.1:8071/api/v1"


class Machine:
    """A Debian in a folder of its own, until `close`."""

    def __init__(self, base: Path, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["cp", "-a", base, folder], check=True)
        subprocess.run(["mount", "-t", "proc", "proc", folder / "proc"], check=True)

    def command(self, *words: str) -> list[str]:
        return ["chroot", str(self.folder), *words]

    def run(self, line: str, user: str = "root") -> str:
        """A line of a shell in it; what it has printed."""
        shell = ["/bin/bash", "-ec", f"cd /src 2>/dev/null || cd /; {line}"]
        words = shell if user == "root" else ["runuser", "-u", user, "--", *shell]
        run = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=120, env=_environment())
        assert run.returncode == 0, f"{line}: status {run.returncode}\n{run.stdout}{run.stderr}"
        return run.stdout

    def put(self, source: Path, target: str) -> None:
        place = self.folder / target.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, place)

    def close(self) -> None:
        for process in Path("/proc").glob("[0-9]*"):
            if _root_of(process) == self.folder:
                os.kill(int(process.name), signal.SIGKILL)
        subprocess.run(["umount", self.folder / "proc"], check=True)
        shutil.rmtree(self.folder)


def _root_of(process: Path) -> Path | None:
    """Where a process has its root; none of one that is gone."""
    try:
        return Path(os.readlink(process / "root"))
    except OSError:
        return None


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}


def block(heading: str, place: int = 0) -> list[str]:
    """The commands of a block of the guide, each in one line, with the sign in front of it."""
    section = GUIDE.read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    text = re.findall(r"```console\n(.*?)```", section, re.DOTALL)[place].replace("\\\n", "")
    lines = [line for line in text.splitlines() if line.startswith(("$ ", "# "))]
    assert lines, f"there are no commands under {heading}"
    return lines


def call(path: str, token: str = "", body: dict | None = None) -> dict:
    data = json.dumps(body).encode() if body is not None else None
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    with urllib.request.urlopen(urllib.request.Request(f"{API}{path}", data, headers), timeout=10) as answer:
        text = answer.read()
    return json.loads(text) if text else {}


def wait_until_healthy(seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            return call("/health") and None
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server has not answered")


def wait_until_gone(seconds: float = 40) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            call("/health")
        except OSError:
            return
        time.sleep(0.1)
    raise AssertionError("the server has not stopped")


def follow_the_guide(machine: Machine, binary: Path, receiver: Receiver) -> None:
    machine.put(binary, "/src/target/release/ringback")
    machine.put(ROOT / "deploy", "/src/deploy")
    for name in ("systemctl", "journalctl"):
        machine.put(ROOT / "tests/packaging" / name, f"/usr/bin/{name}")
    # The receiver of this test is on this machine itself.
    machine.put(ROOT / "tests/packaging/environment", "/etc/ringback/environment")
    printed = []
    for line in block("Install and first start"):
        assert line.startswith("# "), f"all of this is for root: {line}"
        printed.append(machine.run(line[2:]))
        if "systemctl" in line:
            wait_until_healthy()
    log, token = printed[-2], printed[-1].strip()
    link = re.search(r"http://127\.0\.0\.1:8071/console/set-up\?token=\S+", log)
    assert link, f"the log shows where the first user is made:\n{log}"
    with urllib.request.urlopen(link.group(), timeout=10) as page:
        assert b"<form" in page.read()
    call("/app", token, {"name": "Acme", "uid": "acme"})
    call("/app/acme/endpoint", token, {"url": receiver.url("/in")})
    message = call("/app/acme/msg", token, {"eventType": "order.paid", "payload": {"n": 1}})["id"]
    receiver.wait_for("/in", 1)
    time.sleep(1)  # its outcome is on disk

    for line in block("Backup and restore"):
        assert line.startswith("# "), f"the store is not everybody's: {line}"
        machine.run(line[2:])
    for line in block("Upgrade"):
        machine.run(line[2:])
        if " stop " in line:
            wait_until_gone()
        if " start " in line:
            wait_until_healthy()
    assert call(f"/app/acme/msg/{message}", token)["payload"] == {"n": 1}
    call("/app/acme/msg", token, {"eventType": "order.paid", "payload": {"n": 2}})
    receiver.wait_for("/in", 2)
    machine.run("systemctl stop ringback")
    wait_until_gone()
    # What was restored is a store like any other.
    machine.run("rm -r /var/lib/ringback/ringback.db* && cp /var/lib/ringback-restored/ringback.db* /var/lib/ringback/", "ringback")
    machine.run("systemctl start ringback")
    wait_until_healthy()
    assert call(f"/app/acme/msg/{message}", token)["payload"] == {"n": 1}
    machine.run("systemctl stop ringback")
    wait_until_gone()
    print("docs/operating.md: installed, started, backed up, restored and upgraded as written")


def follow_the_dockerfile(machine: Machine, binary: Path) -> None:
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    stages = re.split(r"^FROM .*$", text, flags=re.MULTILINE)
    assert len(stages) == 3, "one stage builds, the other one is the image"
    variables, user, words = [], "root", []
    for line in stages[2].splitlines():
        name, _, rest = line.strip().partition(" ")
        match name:
            case "RUN":
                machine.run(rest)
            case "COPY":
                assert rest.split()[:2] == ["--from=build", "/ringback"], rest
                machine.put(binary, rest.split()[2])
            case "ENV":
                variables += rest.split()
            case "USER":
                user = rest
            case "ENTRYPOINT" | "CMD":
                words += json.loads(rest)
            case "VOLUME":
                assert (machine.folder / rest.lstrip("/")).is_dir(), rest
            case "EXPOSE" | "STOPSIGNAL" | "" | "#":
                pass
            case other:
                raise AssertionError(f"this test does not know {other}")
    command = machine.command("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "env", *variables, *words)
    with (machine.folder / "var/log/image.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=_environment())
    try:
        wait_until_healthy()
        token = machine.run(f"env {' '.join(variables)} ringback token", user).strip()
        call("/app", token, {"name": "Acme", "uid": "acme"})
        with urllib.request.urlopen("http://127.0.0.1:8072/readyz", timeout=10) as answer:
            assert json.load(answer)["status"] == "ready"
    finally:
        server.send_signal(signal.SIGTERM)
        status = server.wait(40)
    log = (machine.folder / "var/log/image.log").read_text()
    assert status == 0, f"it ended with {status}\n{log}"
    lines = [line for line in log.splitlines() if line.startswith("{")]
    assert lines and all(json.loads(line)["level"] for line in lines), log
    owner = (machine.folder / "var/lib/ringback/ringback.db").stat().st_uid
    assert owner == 10001, owner
    print("deploy/docker/Dockerfile: the image's own steps make a server that starts, answers and stops")


def main() -> None:
    base, folder = Path(sys.argv[1]), Path(sys.argv[2])
    binary = Path(os.environ["RINGBACK_BIN"])
    receiver = Receiver()
    for follow in (lambda machine: follow_the_guide(machine, binary, receiver), lambda machine: follow_the_dockerfile(machine, binary)):
        machine = Machine(base, folder)
        try:
            follow(machine)
        finally:
            machine.close()
    receiver.close()


if __name__ == "__main__":
    sys.exit(main())
