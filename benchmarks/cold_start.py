"""Cold start of ``weighbridge params`` beside accelerate and hf-mem: whole processes, one run, one configuration.

``accelerate estimate-memory`` and ``hf-mem`` take only Hugging Face ids. So this process also serves, on loopback, a
hub that holds one repository: the configuration, and the headers of weights that do not exist. Nothing leaves the
machine. README.md beside this file says how to read the numbers.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from typing import Any

MODEL = "llama-3.1-8b"
PARAMETERS = 8_030_261_248
BASE_IN_FP32 = "27.96 GB"  # what accelerate prints: GiB of the 7,504,924,672 parameters without the output head
REPOSITORY = f"benchmark/{MODEL}"  # not an alias in the catalogue, so that weighbridge must ask the hub as well
COMMIT = "0" * 40
HUB_HOST = "huggingface.co"  # written into hf-mem, which reads no HF_ENDPOINT
SHARDS = 4  # as many as the published weights have
PACKAGES = ("weighbridge", "accelerate", "hf-mem", "huggingface_hub", "transformers", "torch")
INSTALL = {
    "weighbridge": "pip install --editable . (in the root of the checkout)",
    "accelerate": "pip install accelerate transformers torch",
    "hf-mem": "pip install hf-mem",
    "openssl": "install OpenSSL's command line; without it the loopback hub has no certificate to show to hf-mem, "
    "so that of hf-mem only --help is above, a lower bound",
}


@dataclass(frozen=True)
class Command:
    """One thing to time, with its name in the table."""

    label: str
    argv: tuple[str, ...]
    wants: str = ""  # what it must print, so that only work that was really done is timed


@dataclass(frozen=True)
class Row:
    """One command's counted wall times, in seconds."""

    label: str
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


# The repository -------------------------------------------------------------------------------------------------------


def hub_config() -> dict[str, Any]:
    """The catalogue's fields, and what a ``config.json`` has besides."""
    from weighbridge.models import catalogue  # here, so that a missing weighbridge is reported like any other tool

    entry = catalogue.find(MODEL)
    if entry is None:
        raise SystemExit(f"{MODEL} is no longer in weighbridge's catalogue")
    return {"architectures": ["LlamaForCausalLM"], **entry.config}


def tensors(config: Mapping[str, Any]) -> Iterator[tuple[str, list[int], int]]:
    """Name, shape and shard of every tensor of a Llama checkpoint with a head of its own."""
    hidden, mlp, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    key_value = hidden // config["num_attention_heads"] * config["num_key_value_heads"]
    layer = {
        "input_layernorm": [hidden],
        "mlp.down_proj": [hidden, mlp],
        "mlp.gate_proj": [mlp, hidden],
        "mlp.up_proj": [mlp, hidden],
        "post_attention_layernorm": [hidden],
        "self_attn.k_proj": [key_value, hidden],
        "self_attn.o_proj": [hidden, hidden],
        "self_attn.q_proj": [hidden, hidden],
        "self_attn.v_proj": [key_value, hidden],
    }
    yield "model.embed_tokens.weight", [config["vocab_size"], hidden], 0
    for index in range(layers):
        for name, shape in layer.items():
            yield f"model.layers.{index}.{name}.weight", shape, index * SHARDS // layers
    yield "model.norm.weight", [hidden], SHARDS - 1
    yield "lm_head.weight", [config["vocab_size"], hidden], SHARDS - 1


def checkpoint(config: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, tuple[bytes, int]]]:
    """Where each tensor lies, and each file's header with the size that the file would have."""
    homes: dict[str, str] = {}
    headers: list[dict[str, Any]] = [{"__metadata__": {"format": "pt"}} for _ in range(SHARDS)]
    ends = [0] * SHARDS
    for name, shape, shard in tensors(config):
        begin = ends[shard]
        ends[shard] += 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)  # two bytes per element of bf16
        headers[shard][name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, ends[shard]]}
        homes[name] = f"model-{shard + 1:05}-of-{SHARDS:05}.safetensors"
    files: dict[str, tuple[bytes, int]] = {}
    for file, header, end in zip(dict.fromkeys(homes.values()), headers, ends, strict=True):
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)  # the format aligns the data by padding the header with spaces
        start = struct.pack("<Q", len(text)) + text
        files[file] = (start, len(start) + end)
    return homes, files


def repository(config: Mapping[str, Any]) -> dict[str, tuple[bytes, int]]:
    """What the hub answers, by path: the bytes that exist, and the size of the whole (the rest reads as zeros)."""
    homes, weights = checkpoint(config)
    total = sum(size - len(start) for start, size in weights.values())
    index = whole({"metadata": {"total_size": total}, "weight_map": homes})
    files = {"config.json": whole(config), "model.safetensors.index.json": index, **weights}
    tree = [{"type": "file", "path": name, "size": size, "oid": COMMIT} for name, (_, size) in files.items()]
    about = {
        "id": REPOSITORY,
        "modelId": REPOSITORY,
        "sha": COMMIT,
        "library_name": "transformers",
        "tags": ["transformers", "safetensors"],
        "config": {key: config[key] for key in ("architectures", "model_type")},
        "siblings": [{"rfilename": name} for name in files],
    }
    answers = {f"/{REPOSITORY}/resolve/{ref}/{name}": file for name, file in files.items() for ref in ("main", COMMIT)}
    return answers | {
        f"/api/models/{REPOSITORY}": whole(about),
        f"/api/models/{REPOSITORY}/tree/main": whole(tree),
        # huggingface_hub asks for this list once a day and keeps the answer; without one it would ask every time.
        "/api/agent-harnesses": whole({"standardEnvVars": [], "harnesses": {}}),
    }


def as_json(data: object) -> bytes:
    return json.dumps(data, indent=2).encode()


def whole(data: object) -> tuple[bytes, int]:
    text = as_json(data)
    return text, len(text)


# The hub --------------------------------------------------------------------------------------------------------------


class Hub(ThreadingHTTPServer):
    """A hub of one repository, over HTTP, and as a proxy that is its own destination over HTTPS."""

    def __init__(self, answers: Mapping[str, tuple[bytes, int]], tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = answers
        self.tls = tls


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two writes, and neither should wait for the other
    server: Hub

    def do_CONNECT(self) -> None:
        """Play the host that a client reaches through its HTTPS proxy; every other host is out of reach."""
        if self.server.tls is None or self.path != f"{HUB_HOST}:443":
            self.send_error(403)
            return
        self.send_response(200)
        self.end_headers()
        self.request = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.setup()
        self.close_connection = False

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        start, size = self.server.answers.get(path, (b"", 0))
        first, last = self.wanted(size)
        body = start[first : last + 1]
        body += bytes(last + 1 - first - len(body))
        self.send_response(404 if not size else 206 if "Range" in self.headers else 200)
        self.send_header("Content-Length", str(len(body)))
        if size:
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
            self.send_header("ETag", f'"{abs(hash(path)):x}"')  # tells files apart for as long as this process lives
            self.send_header("X-Repo-Commit", COMMIT)
        else:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def wanted(self, size: int) -> tuple[int, int]:
        """First and last byte asked for; without a range, all of a file, which no client asks of the weights."""
        first, _, last = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
        return int(first or 0), min(int(last or size - 1), size - 1)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: standard error is the benchmark's."""


def certificate(folder: Path) -> ssl.SSLContext | None:
    """A certificate for the hub's name, made for this run and trusted by its processes alone; none without openssl."""
    openssl = shutil.which("openssl")
    if openssl is None:
        return None
    settings, key, own, trusted = (folder / name for name in ("openssl.cnf", "key.pem", "own.pem", "trusted.pem"))
    settings.write_text(
        f"[req]\nprompt = no\ndistinguished_name = name\nx509_extensions = more\n[name]\nCN = {HUB_HOST}\n"
        f"[more]\nsubjectAltName = DNS:{HUB_HOST}\nbasicConstraints = critical, CA:TRUE\n"
        "keyUsage = critical, digitalSignature, keyCertSign\nsubjectKeyIdentifier = hash\n"
    )
    request = ["req", "-x509", "-nodes", "-days", "2", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    files = ["-config", str(settings), "-keyout", str(key), "-out", str(own)]
    subprocess.run([openssl, *request, *files], check=True, capture_output=True)
    # With the machine's own certificates, so that a client has as many to read as on any other day.
    bundle = ssl.get_default_verify_paths().cafile
    trusted.write_text((Path(bundle).read_text("utf-8") if bundle else "") + own.read_text(), "utf-8")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own, key)
    return context


@contextmanager
def serving(config: Mapping[str, Any], folder: Path) -> Iterator[dict[str, str]]:
    """Run the hub; the value is the environment in which a process finds it, and finds nothing else."""
    tls = certificate(folder)
    with Hub(repository(config), tls) as hub:
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{hub.server_address[1]}"
        try:
            yield environment(address, folder, tls is not None)
        finally:
            hub.shutdown()


def environment(address: str, folder: Path, tls: bool) -> dict[str, str]:
    """This process's environment without the user's hub settings, tokens and proxies, and with those of the run."""
    dropped = ("HF_", "HUGGING", "TRANSFORMERS_", "SSL_CERT_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(dropped) and not name.lower().endswith("_proxy") and name != "PYTHONDONTWRITEBYTECODE"
    }
    own = {"HF_ENDPOINT": address, "HF_HOME": str(folder / "hub-cache"), "HTTPS_PROXY": address}
    return kept | own | ({"SSL_CERT_FILE": str(folder / "trusted.pem")} if tls else {})


# The measurement ------------------------------------------------------------------------------------------------------


def script(name: str) -> str | None:
    """A console script of the environment that runs this file, whatever is first on the user's path."""
    return shutil.which(name, path=str(Path(sys.executable).parent))


def commands(config: Path) -> tuple[list[Command], dict[str, str]]:
    """What can be timed here, weighbridge's first; and for what cannot, how to install it."""
    weighbridge, accelerate, hf_mem = (script(name) for name in ("weighbridge", "accelerate", "hf-mem"))
    if weighbridge is None:
        raise SystemExit(f"weighbridge is not installed beside this Python: {INSTALL['weighbridge']}")
    total = f"{PARAMETERS:,}"
    found = [
        Command(f"weighbridge params {MODEL}", (weighbridge, "params", MODEL), total),
        Command("weighbridge params config.json", (weighbridge, "params", str(config)), total),
        Command(f"weighbridge params {REPOSITORY}", (weighbridge, "params", REPOSITORY), total),
        Command("python -c pass", (sys.executable, "-c", "pass")),
        Command('python -c "import weighbridge"', (sys.executable, "-c", "import weighbridge")),
    ]
    if accelerate:
        estimate = (accelerate, "estimate-memory")
        found += [
            Command(f"accelerate estimate-memory {REPOSITORY}", (*estimate, REPOSITORY), BASE_IN_FP32),
            Command("accelerate estimate-memory --help", (*estimate, "--help"), "usage"),
        ]
    openssl = shutil.which("openssl")
    if hf_mem and openssl:
        memory = ("--model-id", REPOSITORY, "--json-output")
        found.append(Command(" ".join(("hf-mem", *memory)), (hf_mem, *memory), str(2 * PARAMETERS)))
    if hf_mem:
        found.append(Command("hf-mem --help", (hf_mem, "--help"), "usage"))
    here = {"accelerate": accelerate, "hf-mem": hf_mem, "openssl": openssl}
    return found, {name: INSTALL[name] for name, path in here.items() if path is None}


def timed(command: Command, env: Mapping[str, str], folder: Path) -> float:
    """Wall seconds of one process, from before it starts until it has ended and its output is read."""
    begin = time.perf_counter()
    done = subprocess.run(command.argv, env=env, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True)
    seconds = time.perf_counter() - begin
    out, err = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
    if done.returncode != 0 or command.wants not in out:
        raise SystemExit(
            f"{command.label}: exit code {done.returncode}, expected 0 and {command.wants!r} in the output\n"
            f"--- standard output\n{out[-2000:]}\n--- standard error\n{err[-4000:]}"
        )
    return seconds


def measure(todo: list[Command], time_one: Callable[[Command], float], runs: int) -> list[Row]:
    """Round by round, so that whatever slows the machine for a while slows every command alike."""
    rows = [Row(command.label) for command in todo]
    for number in range(runs + 1):
        print(f"round {number} of {runs}" if number else "warm-up", file=sys.stderr, flush=True)
        for command, row in zip(todo, rows, strict=True):
            seconds = time_one(command)
            if number:  # the first writes byte code and fills the disk's and the hub's caches
                row.seconds.append(seconds)
    return rows


# The result -----------------------------------------------------------------------------------------------------------


def versions() -> dict[str, str]:
    installed = {distribution.name.lower().replace("_", "-") for distribution in metadata.distributions()}
    return {name: metadata.version(name) for name in PACKAGES if name.replace("_", "-") in installed}


def report(rows: list[Row], missing: Mapping[str, str], runs: int) -> str:
    width = max(len(row.label) for row in rows)
    lines = [
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        ", ".join(f"{name} {version}" for name, version in versions().items()),
        f"{runs} runs each after one warm-up, interleaved; wall seconds of whole processes",
        "",
        f"{'command':{width}}  {'median':>7}  {'min':>7}  {'max':>7}  {'ratio':>7}",
    ]
    for row in rows:
        times = "  ".join(f"{seconds:7.3f}" for seconds in (row.median, min(row.seconds), max(row.seconds)))
        lines.append(f"{row.label:{width}}  {times}  {row.median / rows[0].median:7.2f}")
    lines += ["", f"ratio: the median over that of {rows[0].label}", f"{REPOSITORY} is served on loopback"]
    lines += [f"NOT MEASURED, {name} is missing: {how}" for name, how in missing.items()]
    return "\n".join(lines)


def as_document(rows: list[Row], missing: Mapping[str, str], runs: int) -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "versions": versions(),
        "runs": runs,
        "commands": [
            {"command": row.label, "median": row.median, "min": min(row.seconds), "max": max(row.seconds)}
            | {"ratio": row.median / rows[0].median, "seconds": row.seconds}
            for row in rows
        ],
        "missing": dict(missing),
    }


def at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text!r}; expected a whole number from 1")
    return int(text)


def main() -> int:
    parser = argparse.ArgumentParser(description="Cold start of weighbridge beside accelerate and hf-mem.")
    parser.add_argument("--runs", type=at_least_one, default=7, help="counted runs of each command (default: 7)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every time to this file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        todo, missing = commands(folder / "config.json")
        config = hub_config()
        (folder / "config.json").write_bytes(as_json(config))
        with serving(config, folder) as env:
            rows = measure(todo, lambda command: timed(command, env, folder), args.runs)
    print(report(rows, missing, args.runs))
    if args.json:
        args.json.write_bytes(as_json(as_document(rows, missing, args.runs)))
    return 1 if missing else 0  # a comparison with a part missing is no success


if __name__ == "__main__":
    sys.exit(main())
