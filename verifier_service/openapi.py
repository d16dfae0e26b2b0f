"""The interface in OpenAPI 3.1.

Written by hand; a test holds it against the routes and the problems table.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from healthcert.model import FORMATS, NO_FORMAT
from scanner.protocol import CONTENT_TYPE, MAX_BATCH_BYTES, REPLY_TYPE
from verifier_service.gateway.limits import MAX_PICTURE_BYTES
from verifier_service.gateway.views import PICTURE_TYPES
from verifier_service.problems import MEDIA_TYPE


def _problem(text: str) -> dict[str, Any]:
    return {
        "description": text,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _text(summary: str, media: str = "text/plain", /, **more: Any) -> dict[str, Any]:
    return {
        "summary": summary,
        "responses": {
            "200": {"description": "OK", "content": {media: {"schema": {"type": "string"}}}},
            **more,
        },
    }


_OPERATOR: list[dict[str, list[str]]] = [{"operatorToken": []}, {"operatorBasic": []}]
_LANGUAGE = [{"name": "lang", "in": "query", "schema": {"enum": ["vi", "en"]}}]
_DENIED = {"401": _problem("Operator access is needed"), "403": _problem("Operator access is not set up")}
_DOWN = {"503": _problem("The database does not answer; Retry-After says when to come again")}

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Cổng Xanh",
        "version": version("cong-xanh"),
        "summary": "Central service of the certificate verification gateway",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    },
    "servers": [{"url": "/"}],
    "paths": {
        "/api/v1/scan-reports": {
            "post": {
                "operationId": "takeScanReport",
                "summary": "Take a batch of checks from a kiosk, exactly once",
                "description": (
                    "A COSE_Sign1 (ES256, kid = the 16 bytes of the device id) over the CBOR map "
                    "{1: version 1, 2: device, 3: epoch, 4: first_seq, 5: [entry, ...], 6: gap?, 7: status?, "
                    "8: mark of the entry before?}. The kiosk may send the same bytes as often as it likes."
                ),
                "security": [],
                "requestBody": {
                    "required": True,
                    "content": {CONTENT_TYPE: {"schema": {"type": "string", "maxLength": MAX_BATCH_BYTES}}},
                },
                "responses": {
                    "200": {
                        "description": "Where the stream stands; `resend` and `forked` are no errors",
                        "content": {REPLY_TYPE: {"schema": {"$ref": "#/components/schemas/Reply"}}},
                    },
                    "401": _problem("Unknown device, or the signature does not hold"),
                    "413": _problem(f"More than {MAX_BATCH_BYTES} bytes"),
                    "422": _problem("The bytes are not a report"),
                    **_DOWN,
                },
            }
        },
        "/api/v1/verify": {
            "post": {
                "operationId": "verify",
                "summary": "Judge a certificate as a kiosk would; nothing is kept",
                "description": (
                    "A text as JSON, or a picture with one or several codes. Claims are told of a valid "
                    "certificate alone. No address inside a code is ever opened."
                ),
                "security": [],
                "parameters": _LANGUAGE,
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["text"],
                                "properties": {"text": {"type": "string"}},
                            }
                        },
                        **{
                            media: {"schema": {"type": "string", "maxLength": MAX_PICTURE_BYTES}}
                            for media in PICTURE_TYPES
                        },
                        "multipart/form-data": {
                            "schema": {
                                "type": "object",
                                "required": ["picture"],
                                "properties": {"picture": {"type": "string", "format": "binary"}},
                            }
                        },
                    },
                },
                "responses": {
                    "200": {
                        "description": "The verdict; of a picture its first code, more under `others`",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}},
                    },
                    "413": _problem("More bytes than allowed"),
                    "415": _problem("Neither JSON nor a picture of a known type"),
                    "422": _problem("The request or the picture cannot be read"),
                    "429": _problem("Too many requests of this address; Retry-After says when to come again"),
                    "503": _problem("All picture readers are busy"),
                },
            }
        },
        "/verify": {
            "get": {
                "operationId": "verifyPage", "security": [], "parameters": _LANGUAGE,
                **_text("The page for people", "text/html"),
            },
            "post": {
                "operationId": "verifyForm", "security": [], "parameters": _LANGUAGE,
                "requestBody": {"content": {"multipart/form-data": {"schema": {"type": "object"}}}},
                **_text("The same page with the result", "text/html"),
            },
        },
        "/api/v1/openapi.json": {
            "get": {"operationId": "openapi", "security": [], **_text("This document", "application/json")}
        },
        "/healthz": {
            "get": {"operationId": "healthz", "security": [], **_text("The process is alive")}
        },
        "/readyz": {
            "get": {"operationId": "readyz", "security": [], **_text("The database answers", **_DOWN)}
        },
        "/metrics": {
            "get": {"operationId": "metrics", "security": _OPERATOR, **_text("Prometheus text", **_DENIED)}
        },
        "/": {
            "get": {
                "operationId": "board", "security": _OPERATOR, "parameters": _LANGUAGE,
                **_text("The live board", "text/html", **_DENIED, **_DOWN),
            }
        },
        "/board/part": {
            "get": {
                "operationId": "boardPart", "security": _OPERATOR, "parameters": _LANGUAGE,
                **_text(
                    "The part of the board that changes; answers If-None-Match", "text/html",
                    **{"304": {"description": "Nothing changed"}}, **_DENIED, **_DOWN,
                ),
            }
        },
    },
    "components": {
        "securitySchemes": {
            "operatorToken": {"type": "http", "scheme": "bearer"},
            "operatorBasic": {"type": "http", "scheme": "basic", "description": "The token as password"},
        },
        "schemas": {
            "Problem": {
                "type": "object",
                "description": "RFC 9457",
                "required": ["type", "title", "status"],
                "properties": {
                    "type": {"type": "string", "format": "uri-reference"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                },
            },
            "Answer": {
                "type": "object",
                "required": ["outcome", "reasons"],
                "properties": {
                    "outcome": {"enum": ["valid", "invalid", "undetermined"]},
                    "reasons": {"type": "array", "items": {"type": "string"}},
                    "format": {"enum": [*FORMATS, NO_FORMAT]},
                    "kind": {"enum": ["vaccination", "test", "recovery", None]},
                    "issuer": {"type": ["string", "null"], "description": "ISO 3166-1 alpha-2"},
                    "stages": {
                        "type": "object",
                        "additionalProperties": {"enum": ["pass", "fail", "not_run"]},
                    },
                    "claims": {"type": ["object", "null"], "description": "Only of a valid certificate"},
                    "checked_at": {"type": "string", "format": "date-time"},
                    "trust_version": {"type": "string"},
                    "rulebook": {"type": "string"},
                    "decision": {
                        "enum": ["complete", "started", "refused", "ask", "incomplete", "look_up"]
                    },
                    "decision_reasons": {"type": "array", "items": {"type": "string"}},
                    "portals": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "Hosts where the issuer answers by hand; never opened by us",
                    },
                    "explanation": {"type": "object", "description": "Plain words in the wished language"},
                    "others": {"type": "array", "items": {"$ref": "#/components/schemas/Answer"}},
                },
            },
            "Reply": {
                "type": "object",
                "description": "A CBOR map with text keys",
                "required": ["status", "epoch", "next_seq", "interval_s"],
                "properties": {
                    "status": {"enum": ["ok", "created", "resend", "forked"]},
                    "epoch": {"type": "integer", "minimum": 0},
                    "next_seq": {"type": "integer", "minimum": 0},
                    "interval_s": {"type": "integer", "minimum": 1, "maximum": 3600},
                    "agreed_to": {"type": "integer", "minimum": 0, "description": "Only when forked"},
                },
            },
        },
    },
}  # fmt: skip


def api_views() -> Blueprint:
    """The blueprint that hands out DOCUMENT."""
    views = Blueprint("api", __name__)

    @views.get("/api/v1/openapi.json")
    def openapi() -> ResponseReturnValue:
        return jsonify(DOCUMENT)

    return views
