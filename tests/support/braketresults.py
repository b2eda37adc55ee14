"""The forms in which Amazon Braket stores results, made of the one that the SDK's simulator gives."""

from collections import Counter
from typing import Any

Place = tuple[str, str]
"""A bucket and a folder."""


def stored(result: dict[str, Any], form: str, place: Place) -> dict[str, Any]:
    """The documents of a result, by their names in a task's folder. The forms:

    - `measurements`: every shot;
    - `probabilities`: as of IonQ;
    - `shuffled`: measured qubits, and columns with them, in the opposite order;
    - `wrong`: columns in the opposite order, qubits not;
    - `parts`: of a program set, every program and executable in a document of its own.
    """
    executables = [
        executable for program in result.get("programResults", ()) for executable in program["executableResults"]
    ] or [result]
    for executable in executables:
        _reshape(executable, form)
    if form == "parts" and "programResults" in result:
        return _parts(result, place)
    return {"results.json": result}


def _reshape(executable: dict[str, Any], form: str) -> None:
    rows = executable["measurements"]
    if form in {"shuffled", "wrong"}:
        executable["measurements"] = rows = [row[::-1] for row in rows]
    if form == "shuffled":
        executable["measuredQubits"].reverse()
    if form == "probabilities":
        counts = Counter("".join(map(str, row)) for row in rows)
        executable["measurementProbabilities"] = {column: count / len(rows) for column, count in counts.items()}
        executable["measurements"] = None


def _parts(result: dict[str, Any], place: Place) -> dict[str, Any]:
    documents: dict[str, Any] = {}
    for number, program in enumerate(result["programResults"]):
        names = []
        for index, executable in enumerate(program["executableResults"]):
            names.append(f"executables/{index}.json")
            documents[f"programs/{number}/{names[-1]}"] = executable
        documents[f"programs/{number}/results.json"] = program | {"executableResults": names}
    programs = [f"programs/{number}/results.json" for number in range(len(result["programResults"]))]
    documents["results.json"] = result | {"programResults": programs, "s3Location": list(place)}
    return documents
