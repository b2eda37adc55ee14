"""The addresses of a cluster with a node, all made from its number."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    """The addresses of cluster `number`."""

    number: int

    @property
    def link(self) -> str:
        """The name of the host's network card."""
        return f"qop{self.number}"

    @property
    def host(self) -> str:
        """The host's address, where the API server listens and which pods reach."""
        return f"10.214.{self.number}.1"

    @property
    def node(self) -> str:
        """The node's address."""
        return f"10.214.{self.number}.2"

    @property
    def pods(self) -> str:
        """The range of the pods' addresses."""
        return f"10.213.{self.number}.0/24"

    @property
    def services(self) -> str:
        """The range of the services' addresses."""
        return f"10.215.{self.number}.0/24"

    @property
    def api_service(self) -> str:
        """The address that pods are given for the API server: the first of the services' range."""
        return f"10.215.{self.number}.1"

    @property
    def dns(self) -> str:
        """The address that pods are given for DNS, where nothing answers."""
        return f"10.215.{self.number}.10"

    @property
    def cgroup(self) -> str:
        """The cgroup under which the kubelet keeps its pods."""
        return f"/quantum-operator-{self.number}"
