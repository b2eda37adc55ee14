"""The adapter of Amazon Braket, by the vendor's own SDK against servers on this machine."""

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from braket.aws import AwsDevice, AwsQuantumTask, AwsSession
from braket.ir.openqasm import Program
from moto.server import ThreadedMotoServer

from quantum_adapters.braket import adapter as braket
from quantum_adapters.braket import connect
from quantum_operator.ports.adapter import (
    Absent,
    AdapterError,
    AmbiguousError,
    Cancelled,
    Ceiling,
    ForbiddenError,
    Found,
    LostError,
    MalformedError,
    Prepared,
    Progress,
    RejectedError,
    SaturatedError,
    UnavailableError,
    Unknown,
)
from quantum_operator.testing.adapter_bench import CEILING, FLIPPED, WAITING, Bench
from quantum_operator.testing.adapter_faults import Answer, Fault
from support.braketconformance import BraketConformance
from support.braketdevice import DEVICE
from support.braketserver import (
    ACCESS_KEY,
    BUCKET,
    REGION,
    SECRET_KEY,
    SESSION_TOKEN,
    SHOT_PRICE,
    TASK_PRICE,
    BraketReply,
    BraketServer,
)


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    """The address of moto's S3."""
    moto = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def server(s3_url: str) -> Iterator[BraketServer]:
    with BraketServer(s3_url) as one:
        yield one


@pytest.fixture
def bench(server: BraketServer) -> Bench:
    return Bench(connect(server.settings()), server)


class TestConformance(BraketConformance):
    """All that the contract of adapters promises."""

    @pytest.fixture
    def bench(self, server: BraketServer) -> Bench:
        return Bench(connect(server.settings(timeoutSeconds="1")), server)


class TestConformanceOfProgramSets(BraketConformance):
    """The same with several circuits in a task."""

    @pytest.fixture
    def bench(self, server: BraketServer) -> Bench:
        return Bench(connect(server.settings(timeoutSeconds="1", maxCircuits="100")), server)


@pytest.fixture
def sdk(server: BraketServer, monkeypatch: pytest.MonkeyPatch) -> AwsDevice:
    """The SDK's own device, against the same servers."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.s3_url)
    session = boto3.Session(ACCESS_KEY, SECRET_KEY, SESSION_TOKEN, REGION)
    client = session.client("braket", endpoint_url=server.address)
    return AwsDevice(DEVICE, AwsSession(boto_session=session, braket_client=client, default_bucket=BUCKET))


def program_of(prepared: Prepared) -> Program:
    return Program.parse_raw(json.loads(prepared.payload)["action"])


def run_by_sdk(sdk: AwsDevice, prepared: Prepared) -> AwsQuantumTask:
    """With a client token, which the SDK takes for something else and warns of."""
    place = (BUCKET, "quantum-operator")
    with pytest.warns(UserWarning, match="clientToken"):
        return sdk.run(program_of(prepared), shots=100, s3_destination_folder=place, clientToken="by-the-sdk")


def test_a_token_is_one_task_and_one_charge_and_with_the_sdks_run_two(
    server: BraketServer, bench: Bench, sdk: AwsDevice
) -> None:
    """`AwsDevice.run` drops the client token: the trap that this adapter is around."""
    prepared = bench.prepared()
    for _ in range(2):
        server.finish(run_by_sdk(sdk, prepared).id)
    assert server.charged_micros() == 2 * (TASK_PRICE + 100 * SHOT_PRICE)
    theirs = server.charged_micros()
    tasks = {bench.adapter.submit(prepared, "by-the-adapter", CEILING) for _ in range(2)}
    assert len(tasks) == 1
    server.finish(*tasks)
    assert server.charged_micros() - theirs == TASK_PRICE + 100 * SHOT_PRICE


def test_a_submission_is_what_the_sdk_sends(server: BraketServer, bench: Bench, sdk: AwsDevice) -> None:
    """But for the client token and the tags."""
    prepared = bench.prepared()
    run_by_sdk(sdk, prepared)
    bench.adapter.submit(prepared, "token-1", CEILING)
    theirs, ours = server.requests
    assert ours.pop("clientToken") == "token-1" != theirs.pop("clientToken")
    assert ours.pop("tags") == {braket.TOKEN: "token-1", braket.LAYOUT: "1x3.7.1"}
    assert ours == theirs


def test_counts_are_the_sdks_with_bit_zero_on_the_other_side(
    server: BraketServer, bench: Bench, sdk: AwsDevice
) -> None:
    """Braket has it leftmost."""
    task = run_by_sdk(sdk, bench.prepared(FLIPPED))
    server.finish(task.id)
    assert task.result().measurement_counts == {"100": 100}
    assert bench.adapter.fetch(bench.finished(FLIPPED)).circuits[0].counts == {"001": 100}


def test_the_suite_notices_bits_in_the_wrong_order(server: BraketServer, bench: Bench) -> None:
    """The control of its check."""
    TestConformance().test_fetch_has_bit_zero_rightmost(bench)
    server.form = "wrong"
    with pytest.raises(AssertionError, match="100 is counted most often"):
        TestConformance().test_fetch_has_bit_zero_rightmost(bench)


@pytest.mark.parametrize("form", ["probabilities", "shuffled"])
def test_other_forms_of_results(server: BraketServer, bench: Bench, form: str) -> None:
    """Probabilities, as of IonQ's QPUs, and columns in another order, which the result tells of."""
    server.form = form
    TestConformance().test_fetch_has_bit_zero_rightmost(bench)


def test_a_program_set_is_one_task(server: BraketServer) -> None:
    """One charge for the task, whose result lies in parts; the SDK would get them as whoever the environment is."""
    bench = Bench(connect(server.settings(maxCircuits="100")), server)
    server.form = "parts"
    fetched = bench.adapter.fetch(bench.finished(FLIPPED, WAITING, shots=(30, 50)))
    assert [circuit.counts for circuit in fetched.circuits] == [{"001": 30}, {"110": 50}]
    assert fetched.cost_micros == server.charged_micros() == TASK_PRICE + 80 * SHOT_PRICE
    assert server.submissions() == 1


@pytest.mark.parametrize("answer", ["unavailable", "reset", "garbage"])
def test_a_lost_answer_is_got_again(server: BraketServer, bench: Bench, answer: Answer) -> None:
    """By sending the same submission once more, or by searching for its token."""
    prepared, token = bench.prepared(), bench.token()
    with server.failing("submit", Fault(answer, accepted=True)), pytest.raises(AmbiguousError):
        bench.adapter.submit(prepared, token, CEILING)
    (task,) = server.tasks(token)
    assert bench.found(token, Found((task,))) == Found((task,))
    assert bench.adapter.submit(prepared, token, CEILING) == task
    assert server.tasks(token) == (task,)


def test_a_submission_asks_nothing_else(server: BraketServer, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """One request, whatever the environment says of retries, endpoints and reservations."""
    for name, value in {
        "AWS_MAX_ATTEMPTS": "5",
        "AWS_RETRY_MODE": "adaptive",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AMZN_BRAKET_RESERVATION_DEVICE_ARN": DEVICE,
        "AMZN_BRAKET_RESERVATION_TIME_WINDOW_ARN": "arn:aws:braket:us-east-1:123456789012:reservation/1",
        "AMZN_BRAKET_JOB_TOKEN": "job",
    }.items():
        monkeypatch.setenv(name, value)
    adapter = connect(server.settings())
    prepared = bench.prepared()
    server.operations.clear()
    with server.failing("submit", Fault("unavailable")), pytest.raises(AmbiguousError):
        adapter.submit(prepared, bench.token(), CEILING)
    adapter.submit(prepared, bench.token(), CEILING)
    assert server.operations == ["CreateQuantumTask"] * 2
    assert not {"associations", "jobToken"} & set(server.requests[-1])


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (BraketReply.error("ServiceQuotaExceededException", "too many tasks"), SaturatedError),
        (BraketReply.error("DeviceOfflineException", "offline"), UnavailableError),
        (BraketReply.error("DeviceRetiredException", "retired"), RejectedError),
        (BraketReply.error("ValidationException", "beyond the spending limit"), RejectedError),
        (BraketReply.error("ExpiredTokenException", "expired", 400), ForbiddenError),
        (BraketReply.error("ResourceNotFoundException", "no such device"), RejectedError),
        (BraketReply.error("InternalServiceException", "oops"), AmbiguousError),
        (BraketReply.error("RequestTimeoutException", "slow", 408), AmbiguousError),
        (BraketReply(307, headers={"Location": "http://127.0.0.1:9/quantum-task"}), AmbiguousError),
        (BraketReply(201), AmbiguousError),
        (BraketReply.of({}, 201), AmbiguousError),
        (BraketReply.of([], 201), AmbiguousError),
        (
            BraketReply.of({"quantumTaskArn": "arn:aws:braket:eu-west-2:123456789012:quantum-task/1"}, 201),
            AmbiguousError,
        ),
    ],
)
def test_answers_to_a_submission(
    server: BraketServer, bench: Bench, reply: BraketReply, error: type[AdapterError]
) -> None:
    """Only what says that nothing was done is taken for it."""
    prepared = bench.prepared()
    server.instead["CreateQuantumTask"] = reply
    with pytest.raises(error) as raised:
        bench.adapter.submit(prepared, bench.token(), CEILING)
    assert type(raised.value) is error
    assert server.submissions() == 1


def test_a_service_that_can_not_be_reached_did_nothing(server: BraketServer, bench: Bench) -> None:
    """No connection came about: a submission is not ambiguous."""
    task = bench.finished()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
        adapter = connect(server.settings(endpointUrl=nowhere))
        with pytest.raises(UnavailableError):
            adapter.submit(bench.prepared(), bench.token(), CEILING)
        assert isinstance(adapter.find(bench.token()), Unknown)
        with pytest.raises(UnavailableError):
            connect(server.settings(s3EndpointUrl=nowhere)).fetch(task)


def test_without_an_identity_nothing_is_sent(
    server: BraketServer, bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither in the settings nor from AWS."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    given = {name: value for name, value in server.settings().items() if value not in server.secrets}
    with pytest.raises(ForbiddenError):
        connect(given).submit(bench.prepared(), bench.token(), CEILING)
    assert server.submissions() == 0


def test_the_identity_of_the_pod_is_taken_where_none_is_given(
    server: BraketServer, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is in no error either."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    for name, value in zip(names, server.secrets, strict=True):
        monkeypatch.setenv(name, value)
    given = {name: value for name, value in server.settings().items() if value not in server.secrets}
    adapter = connect(given)
    assert adapter.devices([DEVICE])
    with server.failing("read", Fault("invalid")), pytest.raises(RejectedError, match="The request is") as raised:
        adapter.devices([DEVICE])
    assert not any(secret in str(raised.value) for secret in server.secrets)


@pytest.mark.parametrize("ceiling", [Ceiling(TASK_PRICE + 100 * SHOT_PRICE - 1, "USD", 60), Ceiling(10**9, "EUR", 60)])
def test_what_costs_more_than_its_ceiling_is_not_sent(server: BraketServer, bench: Bench, ceiling: Ceiling) -> None:
    """Braket stops no task at a cost, but the cost of a task on a QPU is known before."""
    prepared = bench.prepared()
    with pytest.raises(RejectedError):
        bench.adapter.submit(prepared, bench.token(), ceiling)
    assert server.submissions() == 0
    bench.adapter.submit(prepared, bench.token(), Ceiling(TASK_PRICE + 100 * SHOT_PRICE, "USD", 60))


def test_without_a_price_there_is_no_cost(server: BraketServer) -> None:
    """Neither before nor after."""
    bench = Bench(connect({k: v for k, v in server.settings().items() if not k.startswith("price")}), server)
    assert bench.adapter.estimate(bench.prepared()).cost_micros is None
    assert bench.adapter.fetch(bench.finished()).cost_micros is None


def test_a_search_looks_at_every_task(server: BraketServer, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page by page; when there is no end to them, what was not found is unknown."""
    monkeypatch.setattr(braket, "PAGE", 2)
    prepared, token = bench.prepared(), bench.token()
    oldest = bench.adapter.submit(prepared, token, CEILING)
    for _ in range(4):
        bench.adapter.submit(prepared, bench.token(), CEILING)
    server.wait(10)
    server.operations.clear()
    assert bench.adapter.find(token) == Found((oldest,))
    assert server.operations == ["SearchQuantumTasks"] * 3
    assert bench.adapter.find(bench.token()) == Absent()
    monkeypatch.setattr(braket, "PAGES", 2)
    assert isinstance(bench.adapter.find(token), Unknown)


def test_a_task_is_not_found_before_it_is_visible(server: BraketServer, bench: Bench) -> None:
    """Absent is no proof until the visibility lag has passed, and the server here has one."""
    token = bench.token()
    task = bench.submitted(token=token)
    assert bench.adapter.find(token) == Absent()
    server.wait(bench.adapter.capabilities().visibility_seconds)
    assert bench.adapter.find(token) == Found((task,))


@pytest.mark.parametrize("document", [{}, {"quantumTasks": [{}]}, {"quantumTasks": 7}, []])
def test_a_search_that_can_not_be_read_is_unknown(server: BraketServer, bench: Bench, document: Any) -> None:
    """It is no absence."""
    server.instead["SearchQuantumTasks"] = BraketReply.of(document)
    assert isinstance(bench.adapter.find(bench.token()), Unknown)


@pytest.mark.parametrize(
    ("body", "error"), [(None, MalformedError), (b"<html>", MalformedError), (b"{}", MalformedError)]
)
def test_a_result_that_is_not_in_s3(
    server: BraketServer, bench: Bench, body: bytes | None, error: type[AdapterError]
) -> None:
    """A task that succeeded has one; nothing is made of what is there instead."""
    task = bench.finished()
    key = f"{server.all_tasks[task].folder}/results.json"
    server.s3.delete_object(Bucket=BUCKET, Key=key)
    if body is not None:
        server.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    with pytest.raises(error):
        bench.adapter.fetch(task)


def test_a_task_of_someone_else_has_no_counts(server: BraketServer, bench: Bench) -> None:
    """Without the tag that tells where bits belong, none are made up."""
    task = bench.finished()
    del server.all_tasks[task].request["tags"]
    with pytest.raises(MalformedError):
        bench.adapter.fetch(task)


@pytest.mark.parametrize("document", [{}, [], {"status": "DREAMING"}, {"status": None}])
def test_a_state_that_is_not_documented_is_malformed(server: BraketServer, bench: Bench, document: Any) -> None:
    """It is not taken for one that is."""
    task = bench.submitted()
    server.instead["GetQuantumTask"] = BraketReply.of(document)
    with pytest.raises(MalformedError):
        bench.adapter.poll(task)


def test_a_task_that_is_being_cancelled_still_runs(server: BraketServer, bench: Bench) -> None:
    """A QPU takes its time; Braket's word is no confirmation before it is done."""
    task = bench.submitted()
    assert bench.adapter.poll(task) == Progress("Queued", queue_position=2)
    assert bench.adapter.cancel(task) == Cancelled(confirmed=False, message="the task is CANCELLING")
    assert bench.adapter.poll(task) == Progress("Running", "it is being cancelled")
    server.wait(1)
    assert bench.adapter.poll(task).state == "Cancelled"


@pytest.mark.parametrize("task", ["", "1", "../x", "arn:aws:braket:eu-west-2:123456789012:quantum-task/1"])
def test_an_id_that_is_none_is_lost_without_asking(server: BraketServer, bench: Bench, task: str) -> None:
    """One of another region is not of this account's region either."""
    calls: tuple[Callable[[str], object], ...] = (bench.adapter.poll, bench.adapter.fetch, bench.adapter.cancel)
    for call in calls:
        with pytest.raises(LostError):
            call(task)
    assert bench.adapter.devices([task]) == ()
    assert server.operations == []


def test_a_device_as_it_is_now(server: BraketServer, bench: Bench) -> None:
    """Both queues of tasks count; an offline one is there, and not ready."""
    assert bench.device().queue_length == 5
    server.status = "OFFLINE"
    device = bench.device()
    assert (device.ready, device.message) == (False, "OFFLINE")


def test_the_server_refuses_what_the_model_does_not_have(server: BraketServer) -> None:
    """The control of its checks: a wrong member, a number that is none, a token that is too long."""
    client = boto3.Session(ACCESS_KEY, SECRET_KEY, SESSION_TOKEN, REGION).client(
        "braket", endpoint_url=server.address, config=Config(parameter_validation=False)
    )
    good = {"deviceArn": DEVICE, "shots": 1, "outputS3Bucket": BUCKET, "outputS3KeyPrefix": "x", "action": "{}"}
    for bad in ({"shots": "many"}, {"clientToken": "x" * 65}, {"deviceArn": ""}):
        with pytest.raises(ClientError, match="ValidationException"):
            client.create_quantum_task(**({"clientToken": "t"} | good | bad))
    client.create_quantum_task(**({"clientToken": "t"} | good))
    with pytest.raises(ClientError, match="other parameters"):
        client.create_quantum_task(**({"clientToken": "t"} | good | {"shots": 2}))
