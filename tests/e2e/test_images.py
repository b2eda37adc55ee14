"""Images that are built here, without a registry."""

import json
from pathlib import Path

import pytest

from testcluster import Cluster, ClusterError, images
from testcluster.manifests import job

_DOCKERFILE = """
ARG BASE=python:3.12-slim
FROM ${BASE}
ARG PIP_CERT
ARG GREETING
RUN python3 -m venv /opt/venv
COPY main.py /main.py
ENV GREETING=${GREETING}
USER 65532:65532
ENTRYPOINT ["/opt/venv/bin/python", "/main.py"]
"""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A folder with a Dockerfile, what it copies, and what it has no use for."""
    (tmp_path / "Dockerfile").write_text(_DOCKERFILE)
    (tmp_path / "main.py").write_text("import os\nprint(os.environ['GREETING'], os.getuid())\n")
    (tmp_path / "notes.txt").write_text("not for the image")
    return tmp_path


def build(context: Path, greeting: str = "hello") -> Path:
    """Build the image of `context`."""
    return images.build(
        context / "Dockerfile",
        context,
        "docker.io/local/greeter:1",
        include=["main.py"],
        build_args={"GREETING": greeting},
    )


def test_an_image_runs_in_a_pod(cluster: Cluster, namespace: str, context: Path) -> None:
    """A pod runs what the Dockerfile copied, with its build argument, as its user."""
    cluster.load_image(build(context))
    manifest = job("greet", "docker.io/local/greeter:1")
    cluster.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(manifest))
    cluster.kubectl("wait", "-n", namespace, "job/greet", "--for=condition=Complete", "--timeout=60s")
    assert cluster.kubectl("logs", "-n", namespace, "job/greet").stdout == "hello 65532\n"


@pytest.mark.usefixtures("cluster")
def test_unchanged_inputs_are_built_once(context: Path) -> None:
    """A file that is not included changes nothing; an included one or an argument makes another image."""
    first = build(context)
    inode = first.stat().st_ino
    (context / "notes.txt").write_text("changed")
    assert build(context) == first
    assert first.stat().st_ino == inode
    assert build(context, greeting="goodbye") != first
    (context / "main.py").write_text("print('another')\n")
    assert build(context) != first


@pytest.mark.usefixtures("cluster")
def test_a_failed_build_says_why(context: Path) -> None:
    """The error has the failing command's own words."""
    (context / "Dockerfile").write_text("FROM scratch\nCOPY absent /\n")
    with pytest.raises(ClusterError, match="absent"):
        build(context)
