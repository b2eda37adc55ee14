"""Budgets: caps on what jobs may spend, of a policy, of a job and of a backend. Amounts are in integer micro-units."""

from typing import Annotated, Literal

from pydantic import Field

from quantum_operator.api.meta import ApiModel, ListSet, Micros, Name

Currency = Annotated[str, Field(min_length=3, max_length=3, pattern=r"^[A-Z]{3}$")]
Team = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")]
Period = Literal["Day", "Month"]
SpendKind = Literal["Hardware", "Simulator"]
Percent = Annotated[int, Field(ge=1, le=100)]

MOST_BUDGETS = 16


class Budget(ApiModel):
    """What the jobs of a policy may spend in a period: all of them, or those of one team."""

    name: Annotated[Name, Field(description="The budget's name, which messages have.")]
    period: Annotated[
        Period, Field(description="Day or Month of the calendar, in UTC. An amount counts when it is reserved.")
    ] = "Month"
    team: Annotated[
        Team | None,
        Field(
            description="Only what this team spends: the label quantum-operator.dev/team of the job's namespace, or "
            "where that has none, of the job; absent: all of the policy. Where some budgets are of teams, only teams "
            "that have one may spend."
        ),
    ] = None
    kind: Annotated[
        Literal["Hardware", "Simulator", "All"],
        Field(description="Only what is spent on providers' devices, or on simulators; All: both together."),
    ] = "All"
    limit_micros: Annotated[Micros, Field(description="The most, in millionths of the currency's unit.")]
    currency: Annotated[Currency, Field(description="The currency, by its code of ISO 4217.")] = "USD"
    warn_at_percent: Annotated[
        tuple[Percent, ...],
        Field(max_length=8, description="Percentages of the limit at which an event and the policy's status warn."),
        ListSet(),
    ] = (80, 100)


class JobBudget(ApiModel):
    """The most that a job may cost, over all of its attempts."""

    max_micros: Annotated[Micros, Field(description="The amount, in millionths of the currency's unit.")]
    currency: Annotated[Currency, Field(description="The currency, by its code of ISO 4217.")] = "USD"


class BackendBudget(ApiModel):
    """What all jobs of all namespaces together may spend on a backend, in the currency of its price."""

    period: Annotated[
        Period, Field(description="Day or Month of the calendar, in UTC. An amount counts when it is reserved.")
    ] = "Month"
    limit_micros: Annotated[Micros, Field(description="The most, in millionths of the currency's unit.")]


class BudgetStatus(ApiModel):
    """How a budget stands. It is written when a warning comes or goes, or another twentieth of the limit is spent."""

    name: Annotated[Name, Field(description="The budget's name.")]
    since: Annotated[
        str,
        Field(
            max_length=10,
            pattern=r"^[0-9]{4}-[0-9]{2}(-[0-9]{2})?$",
            description="The day or month that the figures are of, in UTC.",
        ),
    ]
    limit_micros: Annotated[Micros, Field(description="The most, in millionths of the currency's unit.")]
    spent_micros: Annotated[Micros, Field(description="What was charged.")]
    reserved_micros: Annotated[Micros, Field(description="What is under way may cost so much more.")]
    currency: Annotated[Currency, Field(description="The currency, by its code of ISO 4217.")]
    warned_percent: Annotated[
        int | None,
        Field(ge=1, le=100, description="The highest of warnAtPercent that was reached; absent: none."),
    ] = None


class Amount(ApiModel):
    """An amount of money."""

    micros: Annotated[Micros, Field(description="The amount, in millionths of the currency's unit.")]
    currency: Annotated[Currency, Field(description="The currency, by its code of ISO 4217.")]


class CapFigures(ApiModel):
    """Of all budgets that concern a job on a backend, the one with the least room left."""

    budget: Annotated[str, Field(max_length=512, description="Which it is.")]
    since: Annotated[str, Field(max_length=10, description="The day or month that the figures are of, in UTC.")]
    limit_micros: Annotated[Micros, Field(description="The most, in millionths of the currency's unit.")]
    spent_micros: Annotated[Micros, Field(description="What was charged.")]
    reserved_micros: Annotated[Micros, Field(description="What is reserved for others.")]


class Obstacle(ApiModel):
    """Why a job can't pay for a backend, whatever it costs."""

    reason: Annotated[str, Field(max_length=64, description="Why, in one word.")]
    message: Annotated[str, Field(max_length=512, description="Why, for people.")]
    passes: Annotated[bool, Field(description="Whether it may be otherwise later, whatever the policy says.")] = False
