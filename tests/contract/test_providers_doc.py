"""docs/providers.md: what it shows is what the files have, and these fit together. tests/cluster runs its commands."""

import re

import pytest
import yaml

from quantum_adapters.braket.settings import Settings as BraketSettings
from quantum_adapters.ibm.settings import Settings as IbmSettings
from quantum_operator.api.validate import validate
from support.providersdoc import FOLDER, PROVIDERS, ROOT, TEXT, way

MANIFESTS = sorted(path for path in FOLDER.glob("*/*.yaml") if path.name != "agent.yaml")
LINKS = sorted(set(re.findall(r"\]\(((?!https?:)[^)#]+)\)", TEXT)))
READ = {"ibm": IbmSettings.read, "braket": BraketSettings.read}

provider = pytest.mark.parametrize("adapter", PROVIDERS)


def test_there_is_something_to_check() -> None:
    """Each provider has its files, and the page its links."""
    assert {path.name for path in FOLDER.iterdir()} == set(PROVIDERS) == set(READ)
    assert len(MANIFESTS) == 2 * len(PROVIDERS)
    assert LINKS


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_manifest_is_valid_and_names_no_namespace(path: object) -> None:
    """The API server would take it, in whichever namespace a person is."""
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):  # type: ignore[attr-defined]
        assert validate(document).metadata.name == document["metadata"]["name"]
        assert "namespace" not in document["metadata"]


def test_what_the_page_shows_is_a_file() -> None:
    """Word by word."""
    shown = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    files = {path.read_text(encoding="utf-8") for path in MANIFESTS}
    assert shown
    assert set(shown) <= files


@pytest.mark.parametrize("link", LINKS)
def test_a_link_leads_somewhere(link: str) -> None:
    """To a file of this repository."""
    assert (ROOT / "docs" / link).exists()


@provider
def test_the_files_fit_together(adapter: str) -> None:
    """Agent, backend and policy name each other, and the job its policy."""
    one = way(adapter)
    values, backend, policy = (one.document(name) for name in ("agent.yaml", "backend.yaml", "job.yaml"))
    name = backend["metadata"]["name"]
    assert values["adapter"] == backend["spec"]["adapter"] == adapter
    assert backend["spec"]["provider"]["agent"] == one.agent
    assert values["backends"] == [name]
    assert policy["spec"]["backends"] == [{"name": name}]
    _, job = yaml.safe_load_all((FOLDER / adapter / "job.yaml").read_text(encoding="utf-8"))
    assert job["spec"]["policyRef"] == {"name": policy["metadata"]["name"]}
    assert ["kubectl", "wait", f"quantumbackend/{name}"] in [command[:3] for command in one.setup]
    assert ["kubectl", "wait", f"quantumjob/{job['metadata']['name']}"] in [command[:3] for command in one.job]


@provider
def test_the_settings_are_the_adapter_s(adapter: str) -> None:
    """With the credentials of the page's Secret, the adapter takes the settings of the file, prices included."""
    one = way(adapter)
    values = one.document("agent.yaml")
    READ[adapter]({**values["settings"], **dict.fromkeys(one.secret, "x")})
    price = one.document("backend.yaml")["spec"]["price"]
    told = {key: int(text) for key, text in values["settings"].items() if key.startswith("price")}
    assert sorted(told.values()) == sorted(price[key] for key in price if key.endswith("Micros"))


@provider
def test_the_files_of_the_commands_are_there(adapter: str) -> None:
    """Charts, values and manifests; only the credentials are a person's own."""
    one = way(adapter)
    named = [
        word for command in (*one.setup, *one.job) for word in command if word.startswith(("charts/", "manifests/"))
    ]
    assert len(named) == 4
    assert all((ROOT / word).exists() for word in named)
