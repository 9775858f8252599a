"""What schemathesis cannot read in the contract, and properties that it does not know."""

import copy
import json
import os
import re
import zlib
from pathlib import Path
from urllib.parse import urlsplit

import schemathesis

# The descargas whose stream of events has an end.
FINISHED = {json.loads(line) for line in Path("terminadas.dict").read_text().splitlines()}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Says of the contract what OpenAPI 3.0 has no words for."""
    schemas = raw_schema["components"]["schemas"]
    # Without API keys nobody is asked for one; with them the contract is taken as it is.
    if not os.environ.get("PASARELA_CLAVE"):
        raw_schema.pop("security", None)
        raw_schema["components"].pop("securitySchemes", None)
    # YAML is read before it is looked at.
    schemas["EspecificacionYaml"] = {"type": "object"}
    # A wrong name inside a body is what a validation is there to tell, not a reason to refuse it.
    raw_schema["components"]["parameters"]["NombreArchivo"]["schema"] = {
        "type": "string",
        "pattern": schemas["NombreArchivo"]["pattern"],
    }
    schemas["NombreArchivo"] = {"type": "string"}
    # The contract has the parts of a form as a map, for the sake of code generators.
    schemas["FormularioDeArchivo"] = {
        "type": "object",
        "properties": {"archivo": {"type": "string", "format": "binary"}, "nombreArchivo": {"type": "string"}},
        "required": ["archivo"],
        "additionalProperties": False,
    }
    # What each event of the stream holds.
    data = {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("EventoDeDescarga", "Descarga")]}
    schemas["FlujoDeEventos"] = {
        "type": "object",
        "properties": {"data": {"type": "string", "contentMediaType": "application/json", "contentSchema": data}},
    }


@schemathesis.hook
def map_case(context, case):
    """Makes sense of half of the right requests that begin a chain: dates in order, a folio of its own."""
    operation = case.operation.definition.raw["operationId"]
    if operation not in SENSIBLE or case.media_type != "application/json" or case.meta.generation.mode.is_negative:
        return case
    turn = checksum(case)
    if turn % 2:
        examples = case.operation.definition.raw["requestBody"]["content"]["application/json"]["examples"]
        body = copy.deepcopy(examples[SENSIBLE[operation]]["value"])
        case.body = distinct(body, turn)
    return case


# The example of each operation that leads on.
SENSIBLE = {"crearDescarga": "filtrada", "crearSolicitud": "emitidos", "cargarLote": "titulos"}


def distinct(body, turn):
    """Makes an example one that was not sent before."""
    if "fechaFinal" in body:
        body["fechaFinal"] = f"2026-01-31T{turn % 24:02}:{turn // 24 % 60:02}:{turn // 1440 % 60:02}"
    for titulo in body.get("titulos", []):
        titulo["folioControl"] = f"PRU{turn}"
    return body


def checksum(case):
    """A number that is the same whenever the request is."""
    return zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode("utf-8", "surrogatepass"))


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """An upload may hold its other fields as null or as an empty list: generated clients write what they lack so."""
    if type(failure).__name__ != "AcceptedNegativeData" or not isinstance(case.body, dict):
        return True
    return case.operation.path not in UPLOADS or not any(value in (None, []) for value in case.body.values())


UPLOADS = ("/v1/sep/lotes", "/v1/sep/titulos/validacion")


@schemathesis.hook
def before_call(context, case, kwargs):
    """Asks for each representation that an operation has, by turns that a repetition repeats."""
    if "Accept" in case.headers:
        return
    offered = ["*/*"]
    for status, response in case.operation.definition.raw["responses"].items():
        if status.startswith("2"):
            offered += response.get("content", {})
    if "text/event-stream" in offered and may_live(case.path_parameters["idDescarga"]):
        offered = ["application/json"]  # refused, as that stream may have no end
    case.headers["Accept"] = offered[checksum(case) % len(offered)]


def may_live(descarga):
    """Reports whether a descarga of that id may be there and not at its end."""
    return descarga not in FINISHED and re.fullmatch("[0-9a-f-]{36}", str(descarga)) is not None


@schemathesis.serializer("application/zip")
def zip_bytes(ctx, value):
    """A file is sent as it is."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@schemathesis.deserializer("application/zip", "application/x-ndjson", "text/csv", "application/vnd.ms-excel", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
def as_text(ctx, response):
    """The contract says of these that they are strings."""
    return response.content.decode("utf-8", "replace")


# What each status has to bring (RFC 9110 §15.5.2, §15.5.6; the contract for the others).
BRINGS = {401: "www-authenticate", 405: "allow", 429: "retry-after", 503: "retry-after"}


@schemathesis.check
def answers_cohere(ctx, response, case):
    """Every refusal is a problem document that tells of this request and of nothing inside the gateway."""
    wrong = []
    request_id = response.headers.get("x-request-id", [""])[0]
    if not request_id:
        wrong.append("no X-Request-Id")
    if response.status_code >= 400:
        header = BRINGS.get(response.status_code)
        if header and not response.headers.get(header):
            wrong.append(f"no {header}")
        wrong += problem_faults(response, request_id)
    assert not wrong, "\n".join(wrong)


def problem_faults(response, request_id):
    """What is wrong with the document of a refusal."""
    if response.request.method == "HEAD":
        return []
    media = response.headers.get("content-type", [""])[0]
    if media != "application/problem+json":
        return [f"a refusal as {media!r}"]
    problem = json.loads(response.content)
    faults = []
    if problem["status"] != response.status_code:
        faults.append(f"status {problem['status']} in the body")
    if problem["requestId"] != request_id:
        faults.append("requestId is not X-Request-Id")
    if problem["instance"] != urlsplit(response.request.url).path:
        faults.append(f"instance is {problem['instance']!r}")
    if not problem.get("detail"):
        faults.append("no detail")
    if problem["type"].endswith("#datos-invalidos") and not (problem.get("errores") or problem.get("backend")):
        faults.append("datos-invalidos and no field is named")
    return faults
