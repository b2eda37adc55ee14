"""QuantumLedger: what was spent and is reserved in one currency and month. The chargeback record.

Its status is written by the operator alone, by compare and set. It belongs to nobody: it outlives jobs, policies and
namespaces.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from quantum_operator.api.budget import Currency, SpendKind
from quantum_operator.api.meta import API_VERSION, ApiModel, Cel, Micros, Name, ObjectMeta, ObjectName, PrinterColumn
from quantum_operator.api.quantumtask import TaskJob

MOST_RESERVATIONS = 3_000
MOST_TOTALS = 5_000

Day = Annotated[str, Field(min_length=10, max_length=10, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Month = Annotated[str, Field(min_length=7, max_length=7, pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
TeamOrNone = Annotated[str, Field(max_length=63)]


class Reservation(ApiModel):
    """What an attempt may cost at most, from before it is on record until it is over."""

    run: Annotated[ObjectName, Field(description="The attempt's name: that of its run, or of its QuantumTask.")]
    job: TaskJob
    policy: Annotated[ObjectName, Field(description="The BackendPolicy that the job is under.")]
    team: Annotated[TeamOrNone, Field(description="The team that pays; empty: none.")] = ""
    backend: Annotated[ObjectName, Field(description="The QuantumBackend.")]
    agent: Annotated[Name | None, Field(description="Of a provider's backend: its agent's namespace.")] = None
    kind: Annotated[SpendKind, Field(description="Hardware: a provider's device; or Simulator.")]
    day: Annotated[Day, Field(description="The day it was reserved on, in UTC, on which it counts.")]
    micros: Annotated[Micros, Field(description="The amount, in millionths of the currency's unit.")]


class Total(ApiModel):
    """What was charged on one day to one namespace, team and policy on one backend."""

    day: Annotated[Day, Field(description="The day on which it was reserved, in UTC.")]
    namespace: Annotated[Name, Field(description="The jobs' namespace.")]
    team: Annotated[TeamOrNone, Field(description="The team that pays; empty: none.")] = ""
    policy: Annotated[ObjectName, Field(description="The BackendPolicy that the jobs were under.")]
    backend: Annotated[ObjectName, Field(description="The QuantumBackend.")]
    kind: Annotated[SpendKind, Field(description="Hardware: a provider's device; or Simulator.")]
    micros: Annotated[Micros, Field(description="The amount, in millionths of the currency's unit.")]
    count: Annotated[int, Field(ge=0, le=1_000_000_000, description="How many attempts were charged.")]
    ceiling_micros: Annotated[
        Micros,
        Field(description="The part of micros that is a ceiling, because nobody says what was charged exactly."),
    ] = 0


class QuantumLedgerSpec(ApiModel):
    """What the ledger is of."""

    cel_rules: ClassVar[tuple[Cel, ...]] = (
        Cel(
            "self.currency == oldSelf.currency && self.month == oldSelf.month",
            "a QuantumLedger stays that of its currency and month",
            reason="FieldValueForbidden",
        ),
    )

    currency: Annotated[Currency, Field(description="The currency, by its code of ISO 4217.")]
    month: Annotated[Month, Field(description="The month, in UTC.")]


class QuantumLedgerStatus(ApiModel):
    """Everything that was charged, and everything that may still be."""

    spent_micros: Annotated[Micros, Field(description="The sum of totals.")] = 0
    reserved_micros: Annotated[Micros, Field(description="The sum of reservations.")] = 0
    reservations: Annotated[
        tuple[Reservation, ...],
        Field(max_length=MOST_RESERVATIONS, description="What is under way, by the name of the attempt."),
    ] = ()
    totals: Annotated[
        tuple[Total, ...],
        Field(max_length=MOST_TOTALS, description="What was charged, by day, payer and backend."),
    ] = ()


class QuantumLedger(ApiModel):
    """The money of one currency and month."""

    plural: ClassVar[str] = "quantumledgers"
    short_names: ClassVar[tuple[str, ...]] = ("qledger",)
    namespaced: ClassVar[bool] = False
    printer_columns: ClassVar[tuple[PrinterColumn, ...]] = (
        PrinterColumn("Currency", "string", ".spec.currency"),
        PrinterColumn("Month", "string", ".spec.month"),
        PrinterColumn("Spent-Micros", "integer", ".status.spentMicros"),
        PrinterColumn("Reserved-Micros", "integer", ".status.reservedMicros"),
        PrinterColumn("Age", "date", ".metadata.creationTimestamp"),
    )

    api_version: Literal["quantum-operator.dev/v1alpha1"] = API_VERSION
    kind: Literal["QuantumLedger"] = "QuantumLedger"
    metadata: ObjectMeta
    spec: QuantumLedgerSpec
    status: QuantumLedgerStatus = Field(default_factory=QuantumLedgerStatus)
