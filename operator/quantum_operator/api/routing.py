"""How a policy chooses among its backends: thresholds, weights, and shares of traffic."""

from typing import Annotated, ClassVar

from pydantic import Field

from quantum_operator.api.execution import ExecutionSettings, Ppm
from quantum_operator.api.meta import ApiModel, Cel, Micros, Name, ObjectName

Weight = Annotated[int, Field(ge=0, le=100)]
Seconds = Annotated[int, Field(ge=1, le=31_536_000)]


class Weights(ApiModel):
    """What counts how much. Each scale goes from 0 to 1000 and is fixed: no score depends on the other candidates."""

    cel_rules: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "self.cost + self.time + self.fidelity + self.order > 0",
            "at least one weight is above 0",
        ),
    )

    cost: Annotated[
        Weight, Field(description="A low ceiling of cost: 0.01 of the currency has 900, 1.00 600, 100 200.")
    ] = 0
    time: Annotated[
        Weight, Field(description="A short wait in the queue: a minute has 850, an hour 450, a day 150.")
    ] = 0
    fidelity: Annotated[
        Weight, Field(description="A high spec.fidelityPpm of the backend: 0.99 has 500, 0.999 800, unknown 0.")
    ] = 0
    order: Annotated[Weight, Field(description="An early place in spec.backends: the first has 1000, the 64th 0.")] = 0


class Routing(ApiModel):
    """Which backends are passed over, and how the others are ranked; without weights, in the policy's order."""

    weights: Weights | None = None
    min_qpu_qubits: Annotated[
        int | None, Field(ge=1, le=10_000, description="Jobs of fewer qubits do not go to a QPU.")
    ] = None
    min_payoff_percent: Annotated[
        int | None,
        Field(
            ge=1,
            le=1_000_000,
            description="To a QPU go only jobs whose spec.expectedPayoffMicros is at least so many percent of what "
            "they cost there at most.",
        ),
    ] = None
    min_fidelity_ppm: Annotated[
        Ppm | None, Field(description="Backends of less fidelity (spec.fidelityPpm), or of unknown, are passed over.")
    ] = None
    max_wait_seconds: Annotated[
        Seconds | None, Field(description="Backends whose queue is forecast to take longer are passed over.")
    ] = None
    max_cost_micros: Annotated[
        Micros | None,
        Field(description="Backends where a job may cost more are passed over; millionths of their currency's unit."),
    ] = None
    max_calibration_age_seconds: Annotated[
        Seconds | None, Field(description="QPUs that were calibrated longer ago, or who knows when, are passed over.")
    ] = None


class Profile(ApiModel):
    """Execution settings by a name, apart from circuits: jobs name it, and policies take it over from each other."""

    name: Annotated[Name, Field(description="What jobs call it in spec.execution.profile.")]
    execution: ExecutionSettings


class Feature(ApiModel):
    """Execution settings that are turned on for a share of the policy's jobs, which do not ask for them."""

    name: Annotated[
        Name, Field(description="What status.plan.features calls it; which jobs have it depends on it as well.")
    ]
    percent: Annotated[
        int,
        Field(
            ge=0,
            le=100,
            description="Of the jobs, told apart by their UIDs, or idempotency keys: a growing one only adds jobs.",
        ),
    ] = 100
    execution: ExecutionSettings


class TrafficShare(ApiModel):
    """A share of the policy's jobs that goes to one backend where it can take them."""

    backend: Annotated[ObjectName, Field(description="The QuantumBackend's name, one that spec.backends reaches.")]
    percent: Annotated[
        int,
        Field(ge=0, le=100, description="Of the jobs, told apart by their UIDs; 0: none at all goes there."),
    ]
