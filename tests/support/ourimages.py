"""The images of this repository, built as a user builds them, for tests that run them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from testcluster import images

ROOT = Path(__file__).parents[2]
_CONTEXT = ("pyproject.toml", "README.md", "LICENSE", "operator", "adapters", "requirements/build.txt")


@dataclass(frozen=True)
class OurImage:
    """An image: its name without and with the tag, and the archive to load it from."""

    repository: str
    tag: str
    archive: Path

    @property
    def reference(self) -> str:
        """What a pod names it by."""
        return f"{self.repository}:{self.tag}"


def operator_image() -> OurImage:
    """The operator's image; built where the cache has none of these sources."""
    return _image("operator", "docker.io/local/quantum-operator")


def runner_image() -> OurImage:
    """The image of runs; built where the cache has none of these sources."""
    return _image("runner", "docker.io/local/quantum-operator-runner")


def agent_image(adapter: str) -> OurImage:
    """The image of an adapter's agents."""
    lock, repository = f"agent-{adapter}", f"docker.io/local/quantum-operator-agent-{adapter}"
    return _image("agent", repository, lock=lock, build_args={"ADAPTER": adapter})


def _image(name: str, repository: str, *, lock: str = "", build_args: Mapping[str, str] | None = None) -> OurImage:
    archive = images.build(
        ROOT / "images" / name / "Dockerfile",
        ROOT,
        f"{repository}:test",
        include=[*_CONTEXT, f"requirements/{lock or name}.txt"],
        build_args=build_args,
    )
    return OurImage(repository, "test", archive)
